#include "compress/quantize.h"

#include <fmt/format.h>

#include "base/os/clock.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/suggestion.h"
#include "model/runtime.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  std::string source;
  std::string target;
  std::string type;
  std::vector<std::string> tensor_types;
  std::string output_type;
  std::string embedding_type;
  bool pure = false;
  std::string imatrix;
  bool force = false;
  int n_threads = 0;
  bool json = false;
};

Result<const TypeMix*> mix_of(const std::string& name) {
  if (const TypeMix* mix = find_type_mix(name)) return mix;
  const std::vector<std::string_view> known = type_mix_names();
  const std::string meant = closest(name, {known.begin(), known.end()});
  if (!meant.empty())
    return invalid("--type: expected a known type, got '{}' (did you mean {}?)", name, meant);
  return invalid("--type: expected one of {}, got '{}'", fmt::join(known, ", "), name);
}

Result<std::optional<DType>> type_of(const char* option, const std::string& name) {
  if (name.empty()) return std::optional<DType>();
  auto type = parse_tensor_type(name);
  if (!type) return invalid("{}: {}", option, type.error().message);
  return std::optional(*type);
}

Result<TypePlanOptions> plan_options(const Options& o) {
  const auto mix = SLIP_TRY(mix_of(o.type));
  TypePlanOptions types{.mix = mix, .pure = o.pure};
  types.output = SLIP_TRY(type_of("--output-tensor-type", o.output_type));
  types.embedding = SLIP_TRY(type_of("--token-embedding-type", o.embedding_type));
  for (const std::string& text : o.tensor_types) {
    auto rule = parse_type_override(text);
    if (!rule) return invalid("--tensor-type: {}", rule.error().message);
    types.overrides.push_back(*std::move(rule));
  }
  return types;
}

std::string as_json(const Options& o, const QuantizeReport& report, double seconds) {
  JsonWriter json;
  const auto sizes = [&json](const char* key, const std::string& path, const ModelSummary& model) {
    json.key(key).begin_object().key("file").string(path);
    json.key("file_bytes").integer(model.file_bytes);
    json.key("bits_per_weight").fixed(model.bits_per_weight(), 4);
    json.key("types").begin_object();
    for (const TypeTotals& type : model.types) json.key(type.type).integer(type.n_tensors);
    json.end_object().end_object();
  };
  json.begin_object().key("type").string(find_type_mix(o.type)->name);
  sizes("source", o.source, report.source);
  sizes("target", o.target, report.target);
  json.key("parent_hash").string(report.parent_hash).key("fallbacks").begin_array();
  for (const std::string& name : report.fallbacks) json.string(name);
  return json.end_array().key("seconds").fixed(seconds, 3).end_object().take();
}

std::string as_text(const Options& o, const QuantizeReport& report, double seconds) {
  std::string text;
  const auto line = [&text](const char* what, const std::string& path, const ModelSummary& model) {
    text += fmt::format("{}  {:>10.1f} MB  {:>7.3f} bits a weight  {}\n", what,
                        static_cast<double>(model.file_bytes) / 1e6, model.bits_per_weight(),
                        printable(path));
  };
  line("from", o.source, report.source);
  line("to  ", o.target, report.target);
  std::vector<std::string> types;
  for (const TypeTotals& type : report.target.types) {
    types.push_back(fmt::format("{} x {}", type.n_tensors, type.type));
  }
  return text + fmt::format("tensors: {}; {:.2f} s\n", fmt::join(types, ", "), seconds);
}

Result<int> run(const Options& o) {
  Progress progress("quantize", 100);
  const InterruptGuard guard;
  const auto on_progress = [&progress](std::int64_t done, std::int64_t total) {
    progress.update(total == 0 ? 100 : 100 * done / total);
  };
  TypePlanOptions types = SLIP_TRY(plan_options(o));
  Imatrix imatrix;
  if (!o.imatrix.empty()) {
    SLIP_TRY(check_output(o.target, {o.imatrix}));
    imatrix = SLIP_TRY(read_imatrix(o.imatrix));
  }
  const QuantizeOptions options{.types = std::move(types),
                                .imatrix = o.imatrix.empty() ? nullptr : &imatrix,
                                .imatrix_file = o.imatrix,
                                .existing = o.force ? Existing::kReplace : Existing::kRefuse,
                                .on_progress = on_progress,
                                .cancel = &InterruptGuard::flag()};
  const auto runtime = SLIP_TRY(Runtime::create({.n_threads = o.n_threads}));
  const std::int64_t start_ns = now_ns();
  auto result = quantize_model(o.source, o.target, options, runtime->pool());
  progress.erase();
  if (InterruptGuard::raised() && !result) return kExitInterrupted;
  const QuantizeReport report = SLIP_TRY(std::move(result));
  const double seconds = static_cast<double>(now_ns() - start_ns) / 1e9;
  if (report.was_quantized) {
    print_warning(fmt::format("{} was quantised already: its losses stay, and more were added",
                              printable(o.source)));
  }
  if (!report.fallbacks.empty()) {
    print_note(
        fmt::format("{} matrices have rows that the type's blocks don't divide; they got "
                    "one with smaller blocks ({} …)",
                    report.fallbacks.size(), printable(report.fallbacks.front())));
  }
  if (!report.without_importance.empty()) {
    print_note(fmt::format("the importance matrix says nothing of {} matrices ({} …)",
                           report.without_importance.size(),
                           printable(report.without_importance.front())));
  }
  Output out;
  out.write(o.json ? as_json(o, report, seconds) : as_text(o, report, seconds));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  args.add_positional("source", o->source, "the model: a GGUF file");
  args.add_positional("target", o->target, "the GGUF file to write");
  args.section("Types");
  args.add("--type", o->type, "what most matrices become, and how the others do: Q4_K_M, Q8_0 …");
  args.add("--tensor-type", o->tensor_types,
           "PATTERN=TYPE for the tensors whose names match (a regular expression); repeatable");
  args.add("--output-tensor-type", o->output_type, "of output.weight, or the table it is tied to");
  args.add("--token-embedding-type", o->embedding_type, "of token_embd.weight");
  args.add_flag("--pure", o->pure, "one type for all matrices");
  args.section("Calibration");
  args.add_path("--imatrix", o->imatrix,
                "an importance matrix (slipstream calibrate, llama-imatrix): which errors count");
  args.section("Run");
  args.add("-t,--threads", o->n_threads, "0: one a core that this process may use",
           {.min = 0, .max = 1024});
  args.add_flag("--force", o->force, "replace the target if it exists");
  args.section("Output");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->source.empty() || o->target.empty()) {
      return invalid("expected a model and the file to write, got {}",
                     o->source.empty() ? "neither" : "no file to write");
    }
    if (o->type.empty()) return invalid("no type given: expected --type TYPE, for example Q4_K_M");
    SLIP_TRY(plan_options(*o));
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_quantize() {
  static const Command command{.name = "quantize",
                               .summary = "a model with smaller weights",
                               .group = "Compress",
                               .setup = setup};
  return command;
}

}  // namespace slip
