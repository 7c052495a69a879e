#include "ops/op_context.h"

namespace slip {

void OpContext::traced_for(std::int64_t n, std::int64_t grain, RangeFn fn, const OpCost& cost) {
  trace_->begin_op(cost, n_threads() > 1 && n > grain);
  pool_->parallel_for(n, grain, fn, trace_);
  trace_->end_op();
}

}  // namespace slip
