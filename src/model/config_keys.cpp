#include "model/config_keys.h"

#include <cmath>

namespace slip {
namespace {

Result<int> in_range(const std::string& key, std::int64_t value, int min, int max) {
  if (value < min || value > max) {
    return invalid("metadata key {}: expected {} to {}, got {}", key, min, max, value);
  }
  return static_cast<int>(value);
}

}  // namespace

Result<int> ConfigKeys::count(std::string_view key, int max, std::optional<int> fallback) const {
  if (fallback && !has(key)) return *fallback;
  const std::int64_t value = SLIP_TRY(metadata_->integer(path(key)));
  return in_range(path(key), value, 1, max);
}

Result<int> ConfigKeys::count_or_zero(std::string_view key, int max) const {
  const std::int64_t value = SLIP_TRY(metadata_->integer_or(path(key), 0));
  return in_range(path(key), value, 0, max);
}

Result<std::vector<int>> ConfigKeys::per_layer(std::string_view key, int n_layers, int max) const {
  const std::string full = path(key);
  const MetaValue* value = metadata_->find(full);
  if (value == nullptr || !std::holds_alternative<MetaArray>(*value)) {
    const int same = SLIP_TRY(count(key, max));
    return std::vector<int>(static_cast<std::size_t>(n_layers), same);
  }
  const std::vector<std::int64_t> values = SLIP_TRY(metadata_->integers(full));
  if (values.size() < static_cast<std::size_t>(n_layers)) {
    return invalid("metadata key {}: expected one value for each of {} layers, got {}", full,
                   n_layers, values.size());
  }
  std::vector<int> out;
  out.reserve(static_cast<std::size_t>(n_layers));
  for (int i = 0; i < n_layers; ++i) {
    out.push_back(SLIP_TRY(in_range(full, values[static_cast<std::size_t>(i)], 1, max)));
  }
  return out;
}

Result<double> ConfigKeys::number(std::string_view key, std::optional<double> fallback) const {
  if (fallback && !has(key)) return *fallback;
  const double value = SLIP_TRY(metadata_->number(path(key)));
  if (!std::isfinite(value)) {
    return invalid("metadata key {}: expected a finite number, got {}", path(key), value);
  }
  return value;
}

Result<double> ConfigKeys::positive(std::string_view key, std::optional<double> fallback) const {
  const double value = SLIP_TRY(number(key, fallback));
  if (value <= 0.0) {
    return invalid("metadata key {}: expected a number above 0, got {}", path(key), value);
  }
  return value;
}

Result<std::vector<float>> ConfigKeys::floats(std::string_view key) const {
  const std::vector<double> values = SLIP_TRY(metadata_->numbers(path(key)));
  return std::vector<float>(values.begin(), values.end());
}

Result<bool> ConfigKeys::boolean(std::string_view key, bool fallback) const {
  return metadata_->boolean_or(path(key), fallback);
}

Result<std::string> ConfigKeys::string(std::string_view key, std::string fallback) const {
  return metadata_->string_or(path(key), std::move(fallback));
}

}  // namespace slip
