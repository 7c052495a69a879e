// What one render shares between the interpreter and the built-in functions: budgets, the clock,
// and the mutable objects that must be taken apart at the end.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "text/template/object.h"
#include "text/template/template.h"

namespace slip::tmpl {

// One render on one thread. Every operation whose cost isn't constant pays before it works, so a
// hostile template ends with a kLimit error after bounded time and memory.
class Runtime {
 public:
  explicit Runtime(const RenderOptions& options) : options_(options) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Pays for `steps` units of work (about one node or one item each).
  Result<void> spend(std::size_t steps);
  // Pays for memory about to be allocated (never given back: the sum bounds the peak).
  Result<void> reserve(std::size_t bytes);
  // The limits in force.
  const Limits& limits() const { return options_.limits; }

  // Pays for a string or list made by multiplication: `count` × `size` bytes, overflow-safe.
  Result<void> reserve(std::size_t count, std::size_t size);

  // The time that strftime_now sees.
  std::tm now() const;

  // Remembers an object that can take part in a reference cycle, to reset it in the end.
  void keep(std::shared_ptr<Resettable> object) { kept_.push_back(std::move(object)); }

 private:
  RenderOptions options_;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::shared_ptr<Resettable>> kept_;
};

}  // namespace slip::tmpl
