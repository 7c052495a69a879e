#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/os/mapped_file.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "measure/eval/base_cache.h"
#include "measure/eval/base_logits.h"
#include "model/gemm_record.h"
#include "model/pack_cache.h"
#include "model/pack_file.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Options {
  std::string action;
  std::string name;
  bool all = false;
  bool json = false;
};

const char* to_string(PackCache::State state) {
  switch (state) {
    case PackCache::State::kCurrent:
      return "current";
    case PackCache::State::kStale:
      return "stale";
    case PackCache::State::kDamaged:
      return "damaged";
  }
  return "damaged";
}

std::string size_text(std::uint64_t n_bytes) {
  const char* unit = "B";
  auto size = static_cast<double>(n_bytes);
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return fmt::format("{:.{}f} {}", size, n_bytes < 1024 ? 0 : 1, unit);
}

std::uint64_t total_bytes(const std::vector<PackCache::Entry>& entries) {
  std::uint64_t sum = 0;
  for (const PackCache::Entry& entry : entries) sum += entry.n_bytes;
  return sum;
}

std::string list_json(const PackCache& cache, const std::vector<PackCache::Entry>& entries) {
  JsonWriter json;
  json.begin_object().key("folder").string(cache.folder().string());
  json.key("limit_bytes").integer(static_cast<std::int64_t>(cache.limit_bytes()));
  json.key("bytes").integer(static_cast<std::int64_t>(total_bytes(entries)));
  json.key("files").begin_array();
  for (const PackCache::Entry& entry : entries) {
    json.begin_object().key("name").string(entry.name).key("model");
    if (entry.model.empty()) {
      json.null();
    } else {
      json.string(entry.model.string());
    }
    json.key("bytes").integer(static_cast<std::int64_t>(entry.n_bytes));
    json.key("last_used").integer(entry.used_s);
    json.key("state").string(to_string(entry.state)).end_object();
  }
  return json.end_array().end_object().take();
}

std::string list_text(const PackCache& cache, const std::vector<PackCache::Entry>& entries) {
  std::string text;
  if (!entries.empty()) {
    text = fmt::format("{:>10}  {:<16}  {:<8}  {}\n", "size", "last used", "state", "name");
  }
  for (const PackCache::Entry& entry : entries) {
    const auto used = fmt::localtime(static_cast<std::time_t>(entry.used_s));
    text += fmt::format("{:>10}  {:%Y-%m-%d %H:%M}  {:<8}  {}\n", size_text(entry.n_bytes), used,
                        to_string(entry.state), entry.name);
    if (!entry.model.empty()) text += fmt::format("{:42}{}\n", "", entry.model.string());
  }
  return text + fmt::format("{}: {} of {} at most\n", cache.folder().string(),
                            size_text(total_bytes(entries)), size_text(cache.limit_bytes()));
}

// The file that was named, or all of them.
Result<std::vector<PackCache::Entry>> chosen(const PackCache& cache, const Options& o) {
  std::vector<PackCache::Entry> entries = cache.list();
  for (PackCache::Entry& entry : BaseCache(cache).list()) entries.push_back(std::move(entry));
  if (o.name.empty()) return entries;
  for (PackCache::Entry& entry : entries) {
    if (entry.name == o.name) return std::vector{std::move(entry)};
  }
  return fail(ErrorKind::kNotFound, "{}: no file {} in the cache", cache.folder().string(), o.name);
}

// What was done with a file of the cache.
struct Outcome {
  PackCache::Entry entry;
  std::string result;
};

std::string outcomes_text(const std::vector<Outcome>& outcomes, bool as_json) {
  if (as_json) {
    JsonWriter json;
    json.begin_object().key("files").begin_array();
    for (const auto& [entry, result] : outcomes) {
      json.begin_object().key("name").string(entry.name);
      json.key("bytes").integer(static_cast<std::int64_t>(entry.n_bytes));
      json.key("result").string(result).end_object();
    }
    return json.end_array().end_object().take();
  }
  std::string text;
  for (const auto& [entry, result] : outcomes) {
    text += fmt::format("{:>10}  {}  {}\n", size_text(entry.n_bytes), entry.name, result);
  }
  return text;
}

Result<int> list(const PackCache& cache, const Options& o) {
  const auto entries = SLIP_TRY(chosen(cache, o));
  Output out;
  out.write(o.json ? list_json(cache, entries) : list_text(cache, entries));
  SLIP_TRY(out.status());
  return kExitOk;
}

Result<int> remove(const PackCache& cache, const Options& o) {
  std::vector<Outcome> outcomes;
  for (PackCache::Entry& entry : SLIP_TRY(chosen(cache, o))) {
    SLIP_TRY(cache.remove(entry.name));
    outcomes.push_back({std::move(entry), "removed"});
  }
  if (o.all) {
    for (std::string& name : SLIP_TRY(GemmRecords(cache.folder()).remove_all())) {
      PackCache::Entry entry;
      entry.name = std::move(name);
      outcomes.push_back({std::move(entry), "removed"});
    }
  }
  Output out;
  out.write(outcomes_text(outcomes, o.json));
  SLIP_TRY(out.status());
  return kExitOk;
}

Result<> verify_file(const std::filesystem::path& path) {
  const MappedFile file = SLIP_TRY(MappedFile::open(path));
  if (BaseCache::is_file_of(path)) {
    return verify_logits_data(file, SLIP_TRY(read_logits_header(file)));
  }
  return verify_pack_data(file, SLIP_TRY(read_pack_header(file)));
}

Result<int> verify(const PackCache& cache, const Options& o) {
  std::vector<Outcome> outcomes;
  int code = kExitOk;
  for (PackCache::Entry& entry : SLIP_TRY(chosen(cache, o))) {
    const auto verified = verify_file(cache.folder() / entry.name);
    if (!verified) {
      print_error(verified.error().message);
      code = kExitFailure;
      // The next start with the model makes it anew.
      SLIP_TRY(cache.remove(entry.name));
    }
    outcomes.push_back({std::move(entry), verified ? "good" : "damaged, removed"});
  }
  Output out;
  out.write(outcomes_text(outcomes, o.json));
  SLIP_TRY(out.status());
  return code;
}

Result<int> run(const Options& o) {
  const PackCache cache = SLIP_TRY(PackCache::from_environment());
  if (o.action == "rm") return remove(cache, o);
  if (o.action == "verify") return verify(cache, o);
  return list(cache, o);
}

CommandBody setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  args.add_positional("ls|rm|verify", o->action, "what to do");
  args.add_positional("name", o->name, "the file that it is done to");
  args.section("Cache");
  args.add_flag("--all", o->all, "rm: all files, and what tuning found");
  args.add_flag("--json", o->json, "print JSON");
  args.require([o = o.get()]() -> Result<> {
    if (o->action != "ls" && o->action != "rm" && o->action != "verify") {
      return invalid("expected ls, rm or verify, got '{}'", o->action);
    }
    if (o->action == "rm" ? o->all == o->name.empty() : !o->all) return {};
    return invalid("{}", o->action == "rm" ? "rm: expected the name of a file, or --all"
                                           : "--all: expected behind rm only");
  });
  return [o](const Invocation&) { return run(*o); };
}

}  // namespace

const Command& commands_cache() {
  static const Command command{
      .name = "cache",
      .summary = "files of packed weights and of base logits: ls, rm, verify",
      .group = "Look",
      .setup = setup};
  return command;
}

}  // namespace slip
