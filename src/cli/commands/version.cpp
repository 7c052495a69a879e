#include "cli/version.h"

#include <fmt/format.h>

#include "base/os/cpu.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/console.h"
#include "kernels/dispatch.h"
#include "model/gemm_record.h"
#include "text/json_writer.h"

namespace slip {
namespace {

struct Feature {
  const char* name;
  bool present;
};

std::vector<Feature> features() {
  const CpuFeatures& cpu = cpu_features();
  return {
      {"avx2", cpu.avx2},         {"avx512", cpu.avx512},     {"avx512_bf16", cpu.avx512_bf16},
      {"avx_vnni", cpu.avx_vnni}, {"amx_int8", cpu.amx_int8}, {"neon_dotprod", cpu.neon_dotprod}};
}

// What tuning found; empty when it wasn't done, or there is no cache.
std::optional<TunedGemm> tuned_gemm(const KernelTable& used) {
  const auto cache = PackCache::from_environment();
  return cache ? GemmRecords(cache->folder()).read(used) : std::nullopt;
}

void tiling_json(JsonWriter& json, const TunedTiling& tuned) {
  json.begin_object().key("direct_rows").integer(tuned.tiling.direct_rows);
  json.key("tile_columns").integer(tuned.tiling.tile_columns);
  json.key("panel_blocks").integer(tuned.tiling.panel_blocks);
  json.key("sweep_kib").integer(tuned.tiling.sweep_kib);
  json.key("ahead").integer(tuned.tiling.ahead);
  json.key("order").integer(tuned.tiling.order);
  json.key("gain").number(tuned.gain).end_object();
}

void rows_json(JsonWriter& json, const TunedRows& rows) {
  json.begin_object().key("few_rows");
  tiling_json(json, rows.few_rows);
  json.key("many_rows");
  tiling_json(json, rows.many_rows);
  json.end_object();
}

std::string tiling_text(const TunedTiling& tuned) {
  const GemmTiling& t = tuned.tiling;
  const std::string gain =
      tuned.gain == 0 ? "the usual" : fmt::format("{:+.1f} %", 100 * tuned.gain);
  return fmt::format("direct up to {}, tiles of {}, panels of {}, sweeps of {} KiB{}, by {} ({})",
                     t.direct_rows, t.tile_columns, t.panel_blocks, t.sweep_kib,
                     t.ahead != 0 ? ", reading ahead" : "", t.order == 0 ? "steps" : "columns",
                     gain);
}

std::string tuned_text(const KernelTable& used) {
  if (used.n_tilings == 1) return "matrix products: nothing to tune\n";
  const auto tuned = tuned_gemm(used);
  if (!tuned) return "matrix products: not tuned yet\n";
  const auto rows_text = [](int n_bits, const TunedRows& rows) {
    return fmt::format(
        "matrix products, {} bits, up to {} rows: {}\n"
        "                          more rows: {}\n",
        n_bits, kFewGemmRows, tiling_text(rows.few_rows), tiling_text(rows.many_rows));
  };
  return rows_text(16, tuned->fine) + rows_text(8, tuned->coarse);
}

std::string as_json(const KernelTable& used) {
  JsonWriter json;
  json.begin_object();
  json.key("version").string(version()).key("commit").string(commit());
  json.key("isa").string(used.isa);
  json.key("available_isas").begin_array();
  for (const KernelTable* table : available_kernels()) json.string(table->isa);
  json.end_array().key("cpu").string(cpu_name());
  json.key("cpu_identity").string(cpu_identity());
  json.key("threads").integer(cpu_budget().n_threads());
  json.key("cpu_features").begin_array();
  for (const Feature& feature : features()) {
    if (feature.present) json.string(feature.name);
  }
  json.end_array().key("tuned");
  if (const auto tuned = tuned_gemm(used)) {
    json.begin_object().key("activations_16");
    rows_json(json, tuned->fine);
    json.key("activations_8");
    rows_json(json, tuned->coarse);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  return json.take();
}

std::string as_text(const KernelTable& used) {
  std::string isas, flags;
  for (const KernelTable* table : available_kernels()) isas += fmt::format(" {}", table->isa);
  for (const Feature& feature : features()) {
    if (feature.present) flags += fmt::format(" {}", feature.name);
  }
  return fmt::format(
             "slipstream {} (commit {})\n"
             "instruction set: {} (available:{})\n"
             "processor: {}, {} threads; features:{}\n",
             version(), commit(), used.isa, isas, cpu_name(), cpu_budget().n_threads(),
             flags.empty() ? " none" : flags) +
         tuned_text(used);
}

CommandBody setup(Arguments& args) {
  auto json = std::make_shared<bool>(false);
  args.section("Output");
  args.add_flag("--json", *json, "print JSON");
  return [json](const Invocation&) -> Result<int> {
    const KernelTable& used = *SLIP_TRY(default_kernels());
    Output out;
    out.write(*json ? as_json(used) : as_text(used));
    SLIP_TRY(out.status());
    return kExitOk;
  };
}

}  // namespace

const Command& commands_version() {
  static const Command command{.name = "version",
                               .summary = "version, commit, instruction set and features",
                               .group = "Look",
                               .setup = setup};
  return command;
}

}  // namespace slip
