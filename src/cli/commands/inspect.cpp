#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/options.h"
#include "formats/summary.h"
#include "measure/eval/certificate.h"
#include "text/json_writer.h"
#include "text/utf8.h"

namespace slip {
namespace {

struct Options {
  std::string path;
  bool json = false;
  bool full = false;
};

// A tensor as both file formats have it.
struct TensorLine {
  std::string name;
  std::string type;
  std::vector<std::int64_t> shape;
  std::optional<std::int64_t> offset = {};  // within its file
  std::int64_t n_bytes = 0;
};

struct Report {
  std::string format;
  std::vector<std::string> files;
  std::vector<std::pair<std::string, MetaValue>> metadata;
  std::vector<TensorLine> tensors;
  ModelSummary summary;
};

Report report_of(const GgufFile& file) {
  Report report;
  report.format = fmt::format("GGUF v{}", file.version());
  for (const GgufShard& shard : file.shards()) report.files.push_back(shard.path.string());
  for (const auto& [key, value] : file.metadata().entries()) {
    report.metadata.emplace_back(key, value);
  }
  for (std::size_t i = 0; i < file.tensors().size(); ++i) {
    const TensorView& t = file.tensors()[i];
    report.tensors.push_back({.name = t.name,
                              .type = std::string(dtype_name(t.dtype)),
                              .shape = t.shape,
                              .offset = static_cast<std::int64_t>(file.place(i).offset),
                              .n_bytes = static_cast<std::int64_t>(t.bytes.size())});
  }
  report.summary = summarize(file);
  return report;
}

void add_json(Report& report, const char* file, const boost::json::object* object) {
  if (object == nullptr) return;
  for (const auto& [key, value] : *object) {
    const std::string name = fmt::format("{}:{}", file, std::string_view(key));
    if (value.is_string()) {
      report.metadata.emplace_back(name, std::string(value.get_string()));
    } else if (value.is_int64()) {
      report.metadata.emplace_back(name, value.get_int64());
    } else if (value.is_uint64()) {
      report.metadata.emplace_back(name, value.get_uint64());
    } else if (value.is_double()) {
      report.metadata.emplace_back(name, value.get_double());
    } else if (value.is_bool()) {
      report.metadata.emplace_back(name, value.get_bool());
    } else {
      report.metadata.emplace_back(name, boost::json::serialize(value));
    }
  }
}

Report report_of(const HfFolder& folder) {
  Report report;
  report.format = "safetensors";
  for (const auto& path : folder.weight_files()) report.files.push_back(path.string());
  add_json(report, "config.json", &folder.config());
  add_json(report, "generation_config.json", folder.generation_config());
  for (const TensorView& t : folder.tensors()) {
    report.tensors.push_back({.name = t.name,
                              .type = std::string(dtype_name(t.dtype)),
                              .shape = t.shape,
                              .offset = folder.offset(t.bytes),
                              .n_bytes = static_cast<std::int64_t>(t.bytes.size())});
  }
  for (const OpaqueTensor& t : folder.others()) {
    report.tensors.push_back({.name = t.name,
                              .type = t.type,
                              .shape = t.shape,
                              .offset = folder.offset(t.bytes),
                              .n_bytes = static_cast<std::int64_t>(t.bytes.size())});
  }
  report.summary = summarize(folder);
  return report;
}

// Writes one metadata value. Long arrays (vocabularies) are cut unless all of it was asked for.
class MetaPrinter {
 public:
  MetaPrinter(JsonWriter& json, bool full) : json_(json), full_(full) {}

  void operator()(const std::string& value) { json_.string(value); }
  void operator()(bool value) { json_.boolean(value); }
  void operator()(float value) { json_.number(static_cast<double>(value)); }
  void operator()(double value) { json_.number(value); }
  void operator()(std::uint64_t value) { json_.unsigned_integer(value); }
  template <class T>
  std::enable_if_t<std::is_integral_v<T>> operator()(T value) {
    json_.integer(static_cast<std::int64_t>(value));
  }
  void operator()(const MetaArray& array) {
    std::visit([this](const auto& items) { write(items); }, array.items);
  }

 private:
  template <class T>
  void write(const std::vector<T>& items) {
    constexpr std::size_t kLong = 64, kShown = 8;
    const bool cut = !full_ && items.size() > kLong;
    if (cut) {
      json_.begin_object().key("n_items").integer(static_cast<std::int64_t>(items.size()));
      json_.key("first");
    }
    json_.begin_array();
    for (std::size_t i = 0; i < (cut ? kShown : items.size()); ++i) {
      const T& item = items[i];
      (*this)(item);
    }
    json_.end_array();
    if (cut) json_.end_object();
  }

  JsonWriter& json_;
  bool full_;
};

void write_totals(JsonWriter& json, const TypeTotals& totals) {
  json.key("n_tensors").integer(totals.n_tensors);
  json.key("n_elements").integer(totals.n_elements);
  json.key("bytes").integer(totals.n_bytes);
  json.key("bits_per_weight").fixed(totals.bits_per_weight(), 4);
}

std::string as_json(const Report& report, const Options& o) {
  JsonWriter json;
  json.begin_object().key("model").string(o.path).key("format").string(report.format);
  json.key("files").begin_array();
  for (const std::string& file : report.files) json.string(file);
  json.end_array().key("metadata").begin_object();
  for (const auto& [key, value] : report.metadata) {
    json.key(key);
    std::visit(MetaPrinter(json, o.full), value);
  }
  json.end_object().key("tensors").begin_array();
  for (const TensorLine& t : report.tensors) {
    json.begin_object().key("name").string(t.name).key("shape").integers(t.shape);
    json.key("type").string(t.type).key("offset");
    if (t.offset) {
      json.integer(*t.offset);
    } else {
      json.null();
    }
    json.key("bytes").integer(t.n_bytes).end_object();
  }
  json.end_array().key("totals").begin_object().key("types").begin_array();
  for (const TypeTotals& type : report.summary.types) {
    json.begin_object().key("type").string(type.type);
    write_totals(json, type);
    json.end_object();
  }
  json.end_array();
  write_totals(json, report.summary.total);
  json.key("file_bytes").integer(report.summary.file_bytes).end_object();
  json.key("bits_per_weight").fixed(report.summary.bits_per_weight(), 4);
  return json.end_object().take();
}

std::string as_text(const Report& report, const Options& o) {
  std::string text =
      fmt::format("{}: {}\n\nMetadata ({} keys)\n", o.path, report.format, report.metadata.size());
  constexpr std::size_t kCut = 160;
  for (const auto& [key, value] : report.metadata) {
    const std::string whole = printable(to_text(value, o.full ? SIZE_MAX : 8));
    const std::string_view shown = o.full ? whole : utf8_cut(whole, kCut);
    text += fmt::format("  {:<44} {:<9} {}{}\n", printable(key), type_name(value), shown,
                        shown.size() < whole.size() ? "…" : "");
  }
  text += fmt::format("\nTensors ({})\n", report.tensors.size());
  for (const TensorLine& t : report.tensors) {
    text += fmt::format("  {:<44} {:<7} {:>18} {:>14} bytes\n", printable(t.name), t.type,
                        fmt::format("{}", fmt::join(t.shape, " x ")), t.n_bytes);
  }
  text += "\nTotals\n";
  const auto line = [&text](const TypeTotals& totals) {
    text += fmt::format(
        "  {:<8} {:>5} tensors {:>15} weights {:>15} bytes {:>8.3f} bits a weight\n", totals.type,
        totals.n_tensors, totals.n_elements, totals.n_bytes, totals.bits_per_weight());
  };
  for (const TypeTotals& type : report.summary.types) line(type);
  line(report.summary.total);
  return text + fmt::format("  files: {} bytes\n", report.summary.file_bytes);
}

// What the file says of its quality; that its weights are still those is for --require-quality.
std::string quality_text(const Report& report) {
  Metadata metadata;
  for (const auto& [key, value] : report.metadata) metadata.set(key, value);
  const auto read = read_certificate(metadata);
  if (!read && read.error().kind == ErrorKind::kNotFound) return "";
  if (!read) return fmt::format("\nQuality\n  {}\n", printable(read.error().message));
  const Certificate& c = *read;
  return fmt::format(
      "\nQuality (as recorded by eval --certify, not signed)\n"
      "  mean KL {:.6f} ({:.6f} … {:.6f}), 99 % {:.6f}, largest {:.6f}; same first choice {:.3f} "
      "%\n"
      "  perplexity {:.4f}, the base's {:.4f}; {} tokens in {} windows, arithmetic {}\n"
      "  base {} {}, text {}, weights {}\n",
      c.kl, c.kl_interval.low, c.kl_interval.high, c.kl_p99, c.kl_max, 100 * c.top1_agreement,
      c.perplexity, c.base_perplexity, c.n_tokens, c.n_windows, printable(c.arithmetic),
      printable(c.base_file), printable(c.base_hash), printable(c.text_hash),
      printable(c.weights_hash));
}

Result<int> run(const Options& o) {
  const Report report = HfFolder::is_folder(o.path) ? report_of(SLIP_TRY(HfFolder::open(o.path)))
                                                    : report_of(SLIP_TRY(GgufFile::open(o.path)));
  Output out;
  out.write(o.json ? as_json(report, o) : as_text(report, o) + quality_text(report));
  SLIP_TRY(out.status());
  return kExitOk;
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  declare_model(args, o->path);
  args.section("Output");
  args.add_flag("--full", o->full, "long values whole: vocabularies, chat templates");
  args.add_flag("--json", o->json, "print JSON");
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_inspect() {
  static const Command command{.name = "inspect",
                               .summary = "metadata, tensors and totals of a model",
                               .group = "Look",
                               .setup = setup};
  return command;
}

}  // namespace slip
