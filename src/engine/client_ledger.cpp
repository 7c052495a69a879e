#include "engine/client_ledger.h"

#include <algorithm>
#include <limits>

namespace slip {

std::int32_t ClientLedger::enter(std::uint64_t client) {
  double floor = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].n_requests > 0) floor = std::min(floor, service_[i]);
  }
  if (n_requests_ == 0) {
    // Nobody is owed anything.
    std::fill(service_.begin(), service_.end(), 0.0);
    floor = 0;
  }
  const std::int32_t index = find_or_add(client, floor);
  const auto at = static_cast<std::size_t>(index);
  if (clients_[at].n_requests++ == 0) service_[at] = std::max(service_[at], floor);
  ++n_requests_;
  return index;
}

// The place of a client that is gone, and would start at the floor like a new one, is free.
std::int32_t ClientLedger::find_or_add(std::uint64_t client, double floor) {
  std::size_t place = clients_.size();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].id == client) return static_cast<std::int32_t>(i);
    if (clients_[i].n_requests == 0 && service_[i] <= floor) place = i;
  }
  if (place == clients_.size()) {
    clients_.emplace_back();
    service_.emplace_back();
  }
  clients_[place] = {.id = client, .n_requests = 0};
  service_[place] = floor;
  return static_cast<std::int32_t>(place);
}

void ClientLedger::leave(std::int32_t index) {
  --clients_[static_cast<std::size_t>(index)].n_requests;
  --n_requests_;
}

}  // namespace slip
