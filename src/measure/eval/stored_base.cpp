// Files of a base's logits: base_logits.h has the layout.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "base/os/atomic_file.h"
#include "measure/eval/base_logits.h"
#include "measure/evaluation.h"

namespace slip {
namespace {

constexpr std::string_view kMagic = "SLIPLGTS";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 4096;
constexpr double kRangeNats = 24;
constexpr float kTopLevel = 65535;
constexpr std::int64_t kMostVocab = 1 << 24;

struct FixedHeader {
  char magic[8] = {};
  std::uint32_t version = 0;
  std::uint32_t reserved = 0;
  std::uint64_t key = 0;
  std::int64_t n_vocab = 0;
  std::int64_t n_rows = 0;
  std::int64_t rows_per_window = 0;
  std::uint64_t data_hash = 0;
  std::uint64_t header_hash = 0;
  std::uint32_t path_bytes = 0;
  std::uint32_t reserved_too = 0;
};
static_assert(sizeof(FixedHeader) == 72);

struct RowHead {
  float high = 0;
  float step = 0;
  double nll = 0;
};
static_assert(sizeof(RowHead) == 16);

std::string header_bytes(const LogitsHeader& header) {
  FixedHeader fixed{.version = kVersion,
                    .key = header.key,
                    .n_vocab = header.n_vocab,
                    .n_rows = header.n_rows,
                    .rows_per_window = header.rows_per_window,
                    .data_hash = header.data_hash};
  std::memcpy(fixed.magic, kMagic.data(), kMagic.size());
  // The path is for people: it may be cut.
  const std::string path = header.model.substr(0, kHeaderBytes - sizeof(fixed));
  fixed.path_bytes = static_cast<std::uint32_t>(path.size());
  std::string bytes(kHeaderBytes, '\0');
  const auto write = [&] { std::memcpy(bytes.data(), &fixed, sizeof(fixed)); };
  write();
  path.copy(bytes.data() + sizeof(fixed), path.size());
  fixed.header_hash = content_hash(std::as_bytes(std::span(bytes)));
  write();
  return bytes;
}

// One row of logits as the file has it.
void encode_row(std::span<const float> logits, double nll, std::byte* out) {
  const auto top = std::max_element(logits.begin(), logits.end());
  const float low = *std::min_element(logits.begin(), logits.end());
  const double range = std::min(kRangeNats, static_cast<double>(*top) - static_cast<double>(low));
  RowHead head{.high = *top, .step = static_cast<float>(range) / kTopLevel, .nll = nll};
  std::memcpy(out, &head, sizeof(head));
  const float scale = head.step > 0 ? 1 / head.step : 0;
  std::byte* level = out + sizeof(head);
  for (const float logit : logits) {
    // Ties with the likeliest would say that another token is: they are a step below it.
    const float steps = std::clamp((head.high - logit) * scale, 1.0F, kTopLevel);
    const auto rounded = static_cast<std::uint16_t>(65535 - std::lround(steps));
    std::memcpy(level, &rounded, sizeof(rounded));
    level += sizeof(rounded);
  }
  const std::uint16_t highest = 65535;
  std::memcpy(out + sizeof(head) + (top - logits.begin()) * std::ptrdiff_t{sizeof(highest)},
              &highest, sizeof(highest));
}

double decode_row(const std::byte* in, std::span<float> logits) {
  RowHead head;
  std::memcpy(&head, in, sizeof(head));
  in += sizeof(head);
  for (float& logit : logits) {
    std::uint16_t level = 0;
    std::memcpy(&level, in, sizeof(level));
    in += sizeof(level);
    logit = head.high - static_cast<float>(65535 - level) * head.step;
  }
  return head.nll;
}

// Encodes windows on all threads and appends them.
class Recorder {
 public:
  Recorder(AtomicFile& file, const LogitsHeader& header, ThreadPool& pool)
      : file_(file), header_(header), pool_(pool) {}

  // Logits [n][n_vocab], and the tokens that follow.
  Result<> add(std::span<const float> logits, std::span<const std::int32_t> next) {
    const auto n_vocab = static_cast<std::size_t>(header_.n_vocab);
    const std::size_t row_bytes = header_.row_bytes();
    bytes_.assign(next.size() * row_bytes, std::byte{0});
    pool_.parallel_for(std::ssize(next), 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto i = static_cast<std::size_t>(r);
        const auto row = logits.subspan(i * n_vocab, n_vocab);
        encode_row(row, score_position(row, {}, next[i]).nll, bytes_.data() + i * row_bytes);
      }
    });
    hasher_.add(bytes_);
    SLIP_TRY(file_.write_at(offset_, bytes_));
    offset_ += bytes_.size();
    return {};
  }

  Result<> finish() {
    LogitsHeader header = header_;
    header.data_hash = hasher_.value();
    const std::string bytes = header_bytes(header);
    SLIP_TRY(file_.write_at(0, std::as_bytes(std::span(bytes))));
    return file_.commit();
  }

 private:
  AtomicFile& file_;
  const LogitsHeader& header_;
  ThreadPool& pool_;
  ContentHasher hasher_;
  std::uint64_t offset_ = kHeaderBytes;
  std::vector<std::byte> bytes_;
};

}  // namespace

std::uint64_t LogitsHeader::row_bytes() const {
  const std::uint64_t bytes = sizeof(RowHead) + 2 * static_cast<std::uint64_t>(n_vocab);
  return (bytes + 7) / 8 * 8;
}

std::uint64_t LogitsHeader::file_bytes() const {
  return kHeaderBytes + static_cast<std::uint64_t>(n_rows) * row_bytes();
}

Result<LogitsHeader> read_logits_header(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto damaged = [&file] {
    return invalid("{}: expected a file of logits, got another or a damaged one",
                   file.path().string());
  };
  if (bytes.size() < kHeaderBytes) return damaged();
  std::vector<std::byte> head(bytes.begin(), bytes.begin() + kHeaderBytes);
  FixedHeader fixed;
  std::memcpy(&fixed, head.data(), sizeof(fixed));
  const std::uint64_t hash = std::exchange(fixed.header_hash, 0);
  std::memcpy(head.data(), &fixed, sizeof(fixed));
  if (std::string_view(fixed.magic, sizeof(fixed.magic)) != kMagic || fixed.version != kVersion ||
      content_hash(head) != hash || fixed.path_bytes > kHeaderBytes - sizeof(fixed)) {
    return damaged();
  }
  LogitsHeader header{
      .key = fixed.key,
      .n_vocab = fixed.n_vocab,
      .n_rows = fixed.n_rows,
      .rows_per_window = fixed.rows_per_window,
      .data_hash = fixed.data_hash,
      .model = {reinterpret_cast<const char*>(head.data()) + sizeof(fixed), fixed.path_bytes}};
  // A hash finds accidents, not forgeries: the sizes are bounded before they are multiplied.
  const bool is_sane = header.n_vocab > 0 && header.n_vocab <= kMostVocab && header.n_rows > 0 &&
                       header.n_rows <= std::ssize(bytes) && header.rows_per_window > 0 &&
                       header.n_rows % header.rows_per_window == 0;
  if (!is_sane || header.file_bytes() != bytes.size()) return damaged();
  return header;
}

Result<> verify_logits_data(const MappedFile& file, const LogitsHeader& header) {
  if (content_hash(file.bytes().subspan(kHeaderBytes)) == header.data_hash) return {};
  return invalid("{}: expected the logits that were written, got others", file.path().string());
}

Result<StoredBase> StoredBase::open(const std::filesystem::path& path, std::uint64_t key,
                                    const Windows& windows, ThreadPool& pool) {
  StoredBase base(pool);
  base.lock_ = FileLock::shared(path);
  base.file_ = SLIP_TRY(MappedFile::open(path));
  base.header_ = SLIP_TRY(read_logits_header(base.file_));
  base.first_ = windows.begin();
  base.n_ctx_ = windows.size();
  const LogitsHeader& header = base.header_;
  if (header.key != key || header.n_rows != windows.n_scored() ||
      header.rows_per_window != windows.end() - windows.begin()) {
    return invalid("{}: expected the logits of this base and text, got others", path.string());
  }
  return base;
}

Result<> StoredBase::open_window(std::int64_t idx, std::span<const std::int32_t>) {
  file_.release();
  window_idx_ = idx;
  return {};
}

Result<BaseRows> StoredBase::rows(std::int64_t begin, std::int64_t end) {
  const auto n = static_cast<std::size_t>(end - begin);
  const auto n_vocab = static_cast<std::size_t>(header_.n_vocab);
  const auto first =
      static_cast<std::uint64_t>(window_idx_ * header_.rows_per_window + begin - first_);
  logits_.resize(n * n_vocab);
  nlls_.resize(n);
  const std::byte* data = file_.bytes().data() + kHeaderBytes + first * header_.row_bytes();
  pool_->parallel_for(end - begin, 1, [&](std::int64_t from, std::int64_t to, int) {
    for (std::int64_t r = from; r < to; ++r) {
      const auto i = static_cast<std::size_t>(r);
      nlls_[i] = decode_row(data + i * header_.row_bytes(),
                            std::span(logits_).subspan(i * n_vocab, n_vocab));
    }
  });
  return BaseRows{.logits = logits_, .nlls = nlls_};
}

Result<> record_base(ModelRunner& base, const Windows& windows, ThreadPool& pool,
                     const RecordOptions& options) {
  WindowRunner runner(base, options.cancel);
  SLIP_TRY(check_window(windows, runner.n_ctx()));
  LogitsHeader header = options.header;
  header.n_vocab = runner.n_vocab();
  header.n_rows = windows.n_scored();
  header.rows_per_window = windows.end() - windows.begin();
  AtomicFile file = SLIP_TRY(AtomicFile::create(options.path));
  SLIP_TRY(file.reserve(header.file_bytes()));
  Recorder recorder(file, header, pool);
  const std::int64_t step = std::min(kRowsAtOnce, runner.max_rows());
  for (std::int64_t i = 0; i < windows.count(); ++i) {
    const auto window = windows.window(i);
    SLIP_TRY(runner.skip(window, windows.begin()));
    for (std::int64_t begin = windows.begin(); begin < windows.end(); begin += step) {
      const std::int64_t end = std::min(begin + step, windows.end());
      const auto logits = SLIP_TRY(runner.logits(window, begin, end));
      const auto next = std::span(window).subspan(static_cast<std::size_t>(begin) + 1,
                                                  static_cast<std::size_t>(end - begin));
      SLIP_TRY(recorder.add(logits, next));
    }
    if (options.on_window) options.on_window(i + 1, windows.count());
  }
  return recorder.finish();
}

}  // namespace slip
