#include "compress/prune/prune.h"

#include <fmt/format.h>

#include <limits>

#include "base/os/clock.h"
#include "base/os/signals.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/option_values.h"
#include "model/runtime.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  std::string source;
  std::string target;
  std::vector<std::int64_t> layers;
  int n_layers = 0;
  std::string file;
  bool repair = false;
  std::string ffn_channels, heads, kv_groups;  // "25%" or "0.25"
  std::string zeros;                           // the same
  std::string scope = "matrix";
  std::string pattern;  // "2:4"
  bool force = false;
  int n_threads = 0;
  bool json = false;
};

// "25%" and "0.25".
Result<double> share_of(const char* option, std::string text) {
  if (text.empty()) return 0.0;
  const bool is_percentage = text.ends_with('%');
  if (is_percentage) text.pop_back();
  auto share = parse_number<double>(text, {.min = 0});
  if (share && is_percentage) *share /= 100;
  if (share && *share < 1) return share;
  return invalid("{}: expected a share below 100 %, such as 25%, got '{}{}'", option, text,
                 is_percentage ? "%" : "");
}

Result<ZeroOptions> zero_options(const Options& o) {
  ZeroOptions zeros;
  zeros.share = SLIP_TRY(share_of("--zeros", o.zeros));
  zeros.scope = o.scope == "model"    ? ZeroScope::kModel
                : o.scope == "matrix" ? ZeroScope::kMatrix
                                      : ZeroScope::kRow;
  if (o.pattern.empty()) return zeros;
  if (zeros.share > 0) return invalid("--pattern: expected no --zeros beside it, got one");
  const std::vector<std::string> numbers = split(o.pattern, ':');
  if (numbers.size() == 2) {
    const auto n = parse_number<int>(numbers[0], kPositive);
    const auto m = parse_number<int>(numbers[1], {.min = 2, .max = 256});
    if (n && m && *n < *m) {
      zeros.n_kept = *n;
      zeros.group_size = *m;
      return zeros;
    }
  }
  return invalid("--pattern: expected N:M, N weights that stay of each M, got '{}'", o.pattern);
}

Result<PruneOptions> prune_options(const Options& o) {
  PruneOptions options;
  for (const std::int64_t layer : o.layers) {
    if (layer > std::numeric_limits<int>::max()) {
      return invalid("--layers: expected layers of the model, got {}", layer);
    }
    options.layers.push_back(static_cast<int>(layer));
  }
  options.n_layers = o.n_layers;
  options.repairs = o.repair;
  if (o.file.empty() && (o.n_layers > 0 || o.repair)) {
    return invalid("{}: expected -f FILE, a text to measure by, beside it, got none",
                   o.repair ? "--repair" : "--drop-layers");
  }
  options.ffn_channels = SLIP_TRY(share_of("--ffn-channels", o.ffn_channels));
  options.heads = SLIP_TRY(share_of("--heads", o.heads));
  options.kv_groups = SLIP_TRY(share_of("--kv-groups", o.kv_groups));
  options.zeros = SLIP_TRY(zero_options(o));
  options.existing = o.force ? Existing::kReplace : Existing::kRefuse;
  const bool any = !options.layers.empty() || options.n_layers > 0 || options.ffn_channels > 0 ||
                   options.heads > 0 || options.kv_groups > 0 || options.zeros.any();
  if (!any) {
    return invalid(
        "nothing to prune: expected --layers, --drop-layers, --ffn-channels, --heads, --kv-groups, "
        "--zeros or --pattern");
  }
  return options;
}

double zero_share(const PruneReport& report) {
  if (report.n_zeroable == 0) return 0;
  return static_cast<double>(report.n_zeros) / static_cast<double>(report.n_zeroable);
}

std::string as_json(const Options& o, const PruneReport& report, double seconds) {
  JsonWriter json;
  const auto sizes = [&json](const char* key, const std::string& path, const ModelSummary& model) {
    json.key(key).begin_object().key("file").string(path);
    json.key("file_bytes").integer(model.file_bytes);
    json.key("n_weights").integer(model.total.n_elements).end_object();
  };
  json.begin_object();
  sizes("source", o.source, report.source);
  sizes("target", o.target, report.target);
  json.key("parent_hash").string(report.parent_hash).key("layers_left_out").begin_array();
  for (const int layer : report.layers) json.integer(layer);
  json.end_array().key("n_layers").integer(report.n_layers).key("d_ff").integer(report.d_ff);
  json.key("n_heads").integer(report.n_heads).key("n_kv_heads").integer(report.n_kv_heads);
  json.key("zero_share").fixed(zero_share(report), 6);
  json.key("encoded_again").begin_array();
  for (const std::string& name : report.encoded_again) json.string(name);
  return json.end_array().key("seconds").fixed(seconds, 3).end_object().take();
}

std::string as_text(const Options& o, const PruneReport& report, double seconds) {
  std::string text;
  const auto line = [&text](const char* what, const std::string& path, const ModelSummary& model) {
    text += fmt::format("{}  {:>10.1f} MB  {:>9.1f} M weights  {}\n", what,
                        static_cast<double>(model.file_bytes) / 1e6,
                        static_cast<double>(model.total.n_elements) / 1e6, printable(path));
  };
  line("from", o.source, report.source);
  line("to  ", o.target, report.target);
  text += fmt::format("{} layers, {} FFN channels, {} heads, {} key-value heads", report.n_layers,
                      report.d_ff, report.n_heads, report.n_kv_heads);
  if (report.n_zeroable > 0) {
    text += fmt::format("; {:.2f} % of the layers' weights are zero", 100 * zero_share(report));
  }
  return text + fmt::format("; {:.2f} s\n", seconds);
}

Result<int> run(const Options& o) {
  Progress progress("prune", 100);
  const InterruptGuard guard;
  PruneOptions options = SLIP_TRY(prune_options(o));
  if (!o.file.empty()) {
    SLIP_TRY(check_output(o.target, {o.file}));
    options.text = SLIP_TRY(read_input(o.file));
    if (options.text.empty()) return invalid("{}: expected a text, got nothing", o.file);
  }
  options.on_progress = [&progress](std::int64_t done, std::int64_t total) {
    progress.update(total == 0 ? 100 : 100 * done / total);
  };
  options.cancel = &InterruptGuard::flag();
  const auto runtime = SLIP_TRY(Runtime::create({.n_threads = o.n_threads}));
  const std::int64_t start_ns = now_ns();
  auto result = prune_model(o.source, o.target, options, runtime->pool());
  progress.erase();
  if (InterruptGuard::raised() && !result) return kExitInterrupted;
  const PruneReport report = SLIP_TRY(std::move(result));
  const double seconds = static_cast<double>(now_ns() - start_ns) / 1e9;
  if (!report.encoded_again.empty()) {
    print_note(
        fmt::format("{} quantised matrices had columns taken out of blocks: they were "
                    "encoded once more, with the losses of that ({} …)",
                    report.encoded_again.size(), printable(report.encoded_again.front())));
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
  args.section("Structures");
  args.add("--layers", o->layers, "layers to leave out, counted from 0: 20,21,22", kNotNegative);
  args.add("--drop-layers", o->n_layers,
           "how many to leave out, those of least influence on -f's text", kNotNegative);
  args.add("--ffn-channels", o->ffn_channels, "share of each FFN's channels to leave out: 25%");
  args.add("--heads", o->heads, "share of the query heads of each key-value head to leave out");
  args.add("--kv-groups", o->kv_groups,
           "share of the key-value heads to leave out, with their query heads");
  args.section("Zeros");
  args.add("--zeros", o->zeros, "share of the layers' weights that become zero: 50%");
  args.add_choice("--scope", o->scope, {"model", "matrix", "row"},
                  "within what the smallest are looked for");
  args.add("--pattern", o->pattern, "N:M, N weights that stay of each M in a row: 2:4");
  args.section("Calibration");
  args.add_path("-f,--file", o->file, "a text: activations decide what goes; - is standard input");
  args.add_flag("--repair", o->repair, "fit what remains of ffn_down to what it was, on the text");
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
    SLIP_TRY(prune_options(*o));
    return {};
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_prune() {
  static const Command command{
      .name = "prune", .summary = "a model with less in it", .group = "Compress", .setup = setup};
  return command;
}

}  // namespace slip
