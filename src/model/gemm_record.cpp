#include "model/gemm_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/os/atomic_file.h"
#include "base/os/cpu.h"

namespace slip {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "gemm-", kSuffix = ".tuning";
// Packing them takes as long as tuning, or longer.
constexpr std::uint64_t kWorthTuning = 64 << 20;

struct Line {
  const char* name;
  TunedRows TunedGemm::*rows;
  TunedTiling TunedRows::*tiling;
};
constexpr Line kLines[] = {
    {"16 bits, few rows", &TunedGemm::fine, &TunedRows::few_rows},
    {"16 bits, many rows", &TunedGemm::fine, &TunedRows::many_rows},
    {"8 bits, few rows", &TunedGemm::coarse, &TunedRows::few_rows},
    {"8 bits, many rows", &TunedGemm::coarse, &TunedRows::many_rows},
};

// The lines that say for whom a record is.
std::string head_of(const KernelTable& kernels) {
  return fmt::format("slipstream tuning of matrix products, version {}\ncpu: {}\nkernels: {}\n",
                     kGemmVersion, cpu_identity(), kernels.isa);
}

std::string line_of(std::string_view name, const TunedTiling& tuned) {
  const GemmTiling& t = tuned.tiling;
  return fmt::format(
      "{}: direct_rows {} tile_columns {} panel_blocks {} sweep_kib {} ahead {} order {} gain "
      "{:.3f}\n",
      name, t.direct_rows, t.tile_columns, t.panel_blocks, t.sweep_kib, t.ahead, t.order,
      tuned.gain);
}

std::string text_of(const KernelTable& kernels, const TunedGemm& tuned) {
  std::string text = head_of(kernels);
  for (const Line& line : kLines) text += line_of(line.name, (tuned.*line.rows).*line.tiling);
  return text;
}

// The gain at the end of the line that begins with `name`; the tiling is the one of the table whose
// line that is.
std::optional<TunedTiling> parse_line(const KernelTable& kernels, std::string_view name,
                                      const std::string& line) {
  constexpr std::string_view kGain = " gain ";
  const auto at = line.rfind(kGain);
  if (at == std::string::npos) return {};
  TunedTiling tuned;
  std::istringstream number(line.substr(at + kGain.size()));
  if (!(number >> tuned.gain)) return {};
  for (int i = 0; i < kernels.n_tilings; ++i) {
    tuned.tiling = kernels.tilings[i];
    if (line_of(name, tuned) == line + "\n") return tuned;
  }
  return {};
}

bool is_record(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.rfind(kPrefix, 0) == 0 && path.extension() == kSuffix;
}

}  // namespace

fs::path GemmRecords::file_of(const KernelTable& kernels) const {
  return folder_ / fmt::format("{}{}{}", kPrefix, kernels.isa, kSuffix);
}

std::optional<TunedGemm> GemmRecords::read(const KernelTable& kernels) const {
  constexpr std::size_t kMostBytes = 4096;
  std::string text(kMostBytes, '\0');
  std::ifstream in(file_of(kernels), std::ios::binary);
  in.read(text.data(), kMostBytes);
  text.resize(static_cast<std::size_t>(in.gcount()));
  const std::string head = head_of(kernels);
  if (text.compare(0, head.size(), head) != 0) return {};
  std::istringstream lines(text.substr(head.size()));
  TunedGemm tuned;
  for (const Line& line : kLines) {
    std::string words;
    std::getline(lines, words);
    const auto read = parse_line(kernels, line.name, words);
    if (!read) return {};
    (tuned.*line.rows).*line.tiling = *read;
  }
  return tuned;
}

Result<> GemmRecords::write(const KernelTable& kernels, const TunedGemm& tuned) const {
  AtomicFile file = SLIP_TRY(AtomicFile::create(file_of(kernels)));
  SLIP_TRY(file.write(std::string_view(text_of(kernels, tuned))));
  return file.commit();
}

Result<std::vector<std::string>> GemmRecords::remove_all() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (!is_record(entry.path())) continue;
    std::error_code failed;
    fs::remove(entry.path(), failed);
    if (failed) return fail(ErrorKind::kIo, "{}: {}", entry.path().string(), failed.message());
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

KernelTable tuned_kernels(const KernelTable& kernels, const std::optional<PackCache>& cache,
                          std::uint64_t packed_bytes) {
  if (!cache || cache->limit_bytes() == 0 || kernels.n_tilings == 1) return kernels;
  const GemmRecords records(cache->folder());
  if (const auto tuned = records.read(kernels)) return with_tilings(kernels, *tuned);
  if (packed_bytes < kWorthTuning) return kernels;
  const auto tuned = tune_gemm(kernels);
  if (!tuned) return kernels;
  // Without a record the next model that is packed tunes again.
  static_cast<void>(records.write(kernels, *tuned));
  return with_tilings(kernels, *tuned);
}

}  // namespace slip
