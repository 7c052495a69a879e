#include "text/template/runtime.h"

#include <chrono>

namespace slip::tmpl {

Result<ValueList> Object::iterate(Runtime&) {
  return invalid("'{}' object is not iterable", type_name());
}

Value Object::item(std::size_t) const {
  return {};
}

Result<std::optional<Value>> Object::attribute(Runtime&, std::string_view) {
  return std::nullopt;
}

Result<Value> Object::call(Runtime&, const Args&) {
  return invalid("'{}' object is not callable", type_name());
}

Runtime::~Runtime() {
  for (const auto& object : kept_) object->reset();
}

Result<void> Runtime::spend(std::size_t steps) {
  steps_ += steps;
  if (steps_ > options_.limits.max_steps || steps > options_.limits.max_steps) {
    return fail(ErrorKind::kLimit, "the template runs too long: more than {} steps",
                options_.limits.max_steps);
  }
  return {};
}

Result<void> Runtime::reserve(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ > options_.limits.max_bytes || bytes > options_.limits.max_bytes) {
    return fail(ErrorKind::kLimit, "the template needs too much memory: more than {} bytes",
                options_.limits.max_bytes);
  }
  return {};
}

Result<void> Runtime::reserve(std::size_t count, std::size_t size) {
  const std::size_t most = options_.limits.max_bytes;
  if (size != 0 && count > most / size) return reserve(most + 1);
  return reserve(count * size);
}

std::tm Runtime::now() const {
  if (options_.now) return *options_.now;
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

}  // namespace slip::tmpl
