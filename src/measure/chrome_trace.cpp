#include "measure/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace slip {
namespace {

class Writer {
 public:
  explicit Writer(std::int64_t start_ns) : start_ns_(start_ns) {}

  void add(const Trace& trace, int process) {
    for (const OpSpan& span : trace.ops()) {
      begin_event(span.cost.name, "op", span.begin_ns, span.end_ns);
      fmt::format_to(std::back_inserter(text_),
                     R"("pid":{},"tid":0,"args":{{"layer":{},"bytes":{},"macs":{}}}}})", process,
                     span.layer, span.cost.bytes, span.cost.macs);
    }
    for (int thread = 0; thread < trace.n_threads(); ++thread) {
      for (const BusySpan& span : trace.busy(thread)) {
        begin_event(trace.ops()[span.op].cost.name, "busy", span.begin_ns, span.end_ns);
        fmt::format_to(std::back_inserter(text_), R"("pid":{},"tid":{}}})", process, thread);
      }
    }
  }

  std::string take() { return "[\n" + std::move(text_) + "\n]\n"; }

 private:
  void begin_event(const char* name, const char* category, std::int64_t begin_ns,
                   std::int64_t end_ns) {
    if (!text_.empty()) text_ += ",\n";
    fmt::format_to(std::back_inserter(text_),
                   R"({{"name":"{}","cat":"{}","ph":"X","ts":{:.3f},"dur":{:.3f},)", name, category,
                   static_cast<double>(begin_ns - start_ns_) * 1e-3,
                   static_cast<double>(end_ns - begin_ns) * 1e-3);
  }

  std::int64_t start_ns_;
  std::string text_;
};

}  // namespace

std::string chrome_trace(std::span<const PhaseProfile> phases) {
  std::int64_t start_ns = std::numeric_limits<std::int64_t>::max();
  for (const PhaseProfile& phase : phases) {
    if (!phase.trace.ops().empty()) {
      start_ns = std::min(start_ns, phase.trace.ops().front().begin_ns);
    }
  }
  Writer writer(start_ns);
  int process = 0;
  for (const PhaseProfile& phase : phases) writer.add(phase.trace, ++process);
  return writer.take();
}

}  // namespace slip
