#include "engine/engine_trace.h"

#include <algorithm>

namespace slip {

using Kind = TraceSpan::Kind;

EngineTrace::EngineTrace() : requests_(kMaxRequests), passes_(kMaxPasses) {}

RequestTrace* EngineTrace::find(RequestId id) {
  RequestTrace& request = requests_[id % kMaxRequests];
  return request.id == id ? &request : nullptr;
}

void EngineTrace::close(RequestTrace& request, std::int64_t now_ns) {
  if (request.n_spans == 0) return;
  TraceSpan& last = request.spans[request.n_spans - 1u];
  if (last.end_ns == 0) last.end_ns = now_ns;
}

void EngineTrace::open(RequestTrace& request, const TraceSpan& span) {
  if (request.n_spans < RequestTrace::kMaxSpans) request.spans[request.n_spans++] = span;
}

void EngineTrace::begin(RequestId id, std::string_view name, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  RequestTrace& request = requests_[id % kMaxRequests];
  request.id = id;
  request.name_size = static_cast<std::uint8_t>(std::min(name.size(), request.name.size()));
  std::copy_n(name.begin(), request.name_size, request.name.begin());
  request.n_spans = 0;
  request.reason.reset();
  open(request, {.kind = Kind::kQueued, .begin_ns = now_ns});
}

void EngineTrace::admit(RequestId id, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (RequestTrace* request = find(id)) close(*request, now_ns);
}

void EngineTrace::preempt(RequestId id, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  RequestTrace* request = find(id);
  if (request == nullptr) return;
  close(*request, now_ns);
  open(*request, {.kind = Kind::kQueued, .begin_ns = now_ns});
}

void EngineTrace::add_rows(RequestId id, const Rows& rows) {
  const std::lock_guard lock(mutex_);
  RequestTrace* request = find(id);
  if (request == nullptr || request->n_spans == 0) return;
  TraceSpan& last = request->spans[request->n_spans - 1u];
  if (last.kind == Kind::kDecode && last.end_ns == 0) return;
  if (last.kind == Kind::kPrefill && request->n_spans >= RequestTrace::kMaxChunks) {
    last.end_ns = rows.end_ns;
    last.n_tokens += rows.n_rows;
  } else {
    open(*request, {.kind = Kind::kPrefill,
                    .begin_ns = rows.begin_ns,
                    .end_ns = rows.end_ns,
                    .n_tokens = rows.n_rows});
  }
  if (rows.gives_token) open(*request, {.kind = Kind::kDecode, .begin_ns = rows.end_ns});
}

void EngineTrace::end(const RequestEnd& end) {
  const std::lock_guard lock(mutex_);
  RequestTrace* request = find(end.id);
  if (request == nullptr) return;
  close(*request, end.times.finished_ns);
  request->reason = end.reason;
  request->n_prompt = end.n_prompt;
  request->n_cached = end.n_cached;
  request->n_generated = end.n_generated;
  request->n_preemptions = end.n_preemptions;
}

void EngineTrace::add_pass(const PassTrace& pass) {
  const std::lock_guard lock(mutex_);
  passes_[n_passes_++ % kMaxPasses] = pass;
}

TraceSnapshot EngineTrace::snapshot(std::size_t max_requests) const {
  TraceSnapshot snapshot;
  snapshot.requests.reserve(kMaxRequests);
  snapshot.passes.reserve(kMaxPasses);
  {
    const std::lock_guard lock(mutex_);
    snapshot.requests = requests_;
    const std::size_t n = std::min(n_passes_, kMaxPasses);
    for (std::size_t i = n_passes_ - n; i < n_passes_; ++i) {
      snapshot.passes.push_back(passes_[i % kMaxPasses]);
    }
  }
  std::erase_if(snapshot.requests, [](const RequestTrace& request) { return request.id == 0; });
  std::sort(snapshot.requests.begin(), snapshot.requests.end(),
            [](const RequestTrace& a, const RequestTrace& b) { return a.id < b.id; });
  const std::size_t n_kept = std::min(max_requests, snapshot.requests.size());
  snapshot.requests.erase(snapshot.requests.begin(),
                          snapshot.requests.end() - static_cast<std::ptrdiff_t>(n_kept));
  const std::int64_t since = n_kept > 0 ? snapshot.requests.front().begin_ns() : 0;
  std::erase_if(snapshot.passes, [&](const PassTrace& pass) { return pass.end_ns < since; });
  if (n_kept == 0) snapshot.passes.clear();
  return snapshot;
}

}  // namespace slip
