// What each client was given, for fairness between them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace slip {

// The virtual token counters of Sheng et al. (2024): a client that comes back starts no lower than
// the least served of those that are here, so that nobody saves up. Clients are addressed by
// indices that stay while they have requests. Not thread-safe.
class ClientLedger {
 public:
  // A request of the client begins, or ends. enter() alone may allocate.
  std::int32_t enter(std::uint64_t client);
  void leave(std::int32_t index);

  void charge(std::int32_t index, double tokens) {
    service_[static_cast<std::size_t>(index)] += tokens;
  }
  // By index.
  std::span<const double> service() const { return service_; }

 private:
  struct Client {
    std::uint64_t id = 0;
    std::int64_t n_requests = 0;
  };
  std::int32_t find_or_add(std::uint64_t client, double floor);

  std::vector<Client> clients_;
  std::vector<double> service_;
  std::int64_t n_requests_ = 0;
};

}  // namespace slip
