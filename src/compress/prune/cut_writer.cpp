#include "compress/prune/cut_writer.h"

#include <algorithm>
#include <cstring>

#include "compress/fit_rows.h"
#include "quant/quant_format.h"

namespace slip {
namespace {

constexpr std::int64_t kBatchWeights = 4 << 20;

std::int64_t bytes_of_row(const TensorCut& cut) {
  const DTypeInfo& info = dtype_info(cut.source->dtype);
  return cut.n_cols() / info.block_size * info.block_bytes;
}

}  // namespace

bool is_copied(const TensorCut& cut) {
  if (!cut.cols) return true;
  if (cut.repair != nullptr) return false;
  const std::vector<std::int64_t>& cols = *cut.cols;
  const auto block = static_cast<std::size_t>(dtype_info(cut.source->dtype).block_size);
  if (cols.size() % block != 0) return false;
  for (std::size_t i = 0; i < cols.size(); ++i) {
    const std::int64_t first = cols[i - i % block];
    if (first % static_cast<std::int64_t>(block) != 0) return false;
    if (cols[i] != first + static_cast<std::int64_t>(i % block)) return false;
  }
  return true;
}

Result<> CutWriter::write(const TensorCut& cut, const ZeroOptions* zeros, float threshold) {
  const std::int64_t n_rows = cut.n_rows(), n_cols = cut.n_cols();
  const std::int64_t step = std::max<std::int64_t>(1, kBatchWeights / n_cols);
  const bool copies = zeros == nullptr && is_copied(cut);
  for (std::int64_t begin = 0; begin < n_rows; begin += step) {
    if (cancel_ != nullptr && cancel_->load(std::memory_order_relaxed)) {
      return fail(ErrorKind::kCancelled, "prune: stopped");
    }
    const Range rows{begin, std::min(begin + step, n_rows)};
    batch_.resize(static_cast<std::size_t>((rows.end - begin) * bytes_of_row(cut)));
    if (copies) {
      copy_rows(cut, rows);
    } else {
      SLIP_TRY(encode_rows(cut, rows, zeros, threshold));
    }
    SLIP_TRY(writer_.append(batch_));
    on_batch((rows.end - begin) * n_cols);
  }
  return {};
}

void CutWriter::copy_rows(const TensorCut& cut, Range rows) {
  const std::int64_t n_bytes = bytes_of_row(cut);
  const DTypeInfo& info = dtype_info(cut.source->dtype);
  std::byte* out = batch_.data();
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const std::byte* row = cut.source->row(cut.rows ? (*cut.rows)[static_cast<std::size_t>(i)] : i);
    if (!cut.cols) {
      std::memcpy(out, row, static_cast<std::size_t>(n_bytes));
      out += n_bytes;
      continue;
    }
    for (std::int64_t at = 0; at < cut.n_cols(); at += info.block_size) {
      const std::int64_t block = (*cut.cols)[static_cast<std::size_t>(at)] / info.block_size;
      std::memcpy(out, row + block * info.block_bytes, static_cast<std::size_t>(info.block_bytes));
      out += info.block_bytes;
    }
  }
}

Result<> CutWriter::encode_rows(const TensorCut& cut, Range rows, const ZeroOptions* zeros,
                                float threshold) {
  const QuantFormat& format = quant_format(cut.source->dtype);
  const std::int64_t n_cols = cut.n_cols();
  const std::int64_t n_bytes = bytes_of_row(cut);
  struct Scratch {
    std::vector<float> whole, row;
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(pool_.n_threads()));
  std::atomic<std::int64_t> n_zeros{0};
  const auto fit = [&](std::int64_t i, int thread) {
    auto& [whole, row] = scratch[static_cast<std::size_t>(thread)];
    row.resize(static_cast<std::size_t>(n_cols));
    cut.decode(rows.begin + i, whole, row.data());
    if (zeros != nullptr) {
      zero_row(*zeros, threshold, cut.input_norms, row);
      n_zeros += std::count(row.begin(), row.end(), 0.0f);
    }
    return format.fit_row(row.data(), nullptr, n_cols, batch_.data() + i * n_bytes);
  };
  SLIP_TRY(fit_rows(
      pool_, {.tensor = cut.name, .begin = rows.begin, .end = rows.end, .n_cols = n_cols}, fit));
  n_zeros_ += n_zeros;
  return {};
}

}  // namespace slip
