#include "base/trace.h"

#include "base/check.h"
#include "base/os/clock.h"

namespace slip {

void Trace::begin_op(const OpCost& cost, bool is_parallel) {
  SLIP_CHECK(ops_.empty() || ops_.back().end_ns != 0);
  ops_.push_back({.cost = cost, .layer = layer_, .is_parallel = is_parallel, .begin_ns = now_ns()});
}

void Trace::end_op() {
  ops_.back().end_ns = now_ns();
}

void Trace::add_busy(int thread, std::int64_t begin_ns, std::int64_t end_ns) {
  busy_[static_cast<std::size_t>(thread)].spans.push_back({ops_.size() - 1, begin_ns, end_ns});
}

void Trace::clear() {
  ops_.clear();
  for (Thread& thread : busy_) thread.spans.clear();
}

SerialSpan::~SerialSpan() {
  if (trace_ == nullptr) return;
  trace_->end_op();
  const OpSpan& op = trace_->ops().back();
  trace_->add_busy(0, op.begin_ns, op.end_ns);
}

}  // namespace slip
