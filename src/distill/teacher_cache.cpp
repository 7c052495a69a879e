#include "distill/teacher_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/hash.h"
#include "base/os/atomic_file.h"
#include "base/rng.h"
#include "quant/half.h"

namespace slip {
namespace {

constexpr char kMagic[8] = {'S', 'L', 'I', 'P', 'T', 'C', 'H', '1'};
constexpr std::int64_t kPageTokens = 32;
// Rows of a pass: one row of logits is 200 kB with 49k tokens.
constexpr std::int64_t kRows = 128;

struct Header {
  char magic[8];
  std::uint64_t key;
  std::int64_t n_windows, window, top_k;
};

// 4 bytes a token and 2 a tail, 6 for each of the k: a multiple of 4 with an even window.
std::uint64_t window_bytes(std::int64_t window, std::int64_t top_k) {
  const std::int64_t bytes = window * (6 + 6 * top_k);
  return static_cast<std::uint64_t>((bytes + 3) / 4 * 4);
}

// The k best of a row and the rest.
struct Summary {
  std::vector<std::int32_t> ids;
  std::vector<std::uint16_t> log_probs;
  std::uint16_t tail = 0;
};

Summary summarize(std::span<const float> logits, std::int64_t k, double temperature) {
  // A heap with the worst of the best on top.
  const auto better = [&](std::int32_t a, std::int32_t b) {
    const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  Summary out;
  std::vector<std::int32_t>& ids = out.ids;
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(logits.size()); ++i) {
    if (static_cast<std::int64_t>(ids.size()) == k) {
      if (!better(i, ids.front())) continue;
      std::pop_heap(ids.begin(), ids.end(), better);
      ids.pop_back();
    }
    ids.push_back(i);
    std::push_heap(ids.begin(), ids.end(), better);
  }
  std::sort_heap(ids.begin(), ids.end(), better);
  const float top = logits[static_cast<std::size_t>(ids.front())];
  const auto scale = static_cast<float>(1 / temperature);
  double sum = 0, best = 0;
  for (const float logit : logits) sum += std::exp((logit - top) * scale);
  for (const std::int32_t id : ids) {
    const float shifted = (logits[static_cast<std::size_t>(id)] - top) * scale;
    best += std::exp(shifted);
    out.log_probs.push_back(f32_to_f16(shifted - static_cast<float>(std::log(sum))));
  }
  // Not 0, whose logarithm F16 hasn't.
  out.tail = f32_to_f16(static_cast<float>(std::log(std::max(1e-7, (sum - best) / sum))));
  return out;
}

// One window while it is made.
struct Draft {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> ids;
  std::vector<std::uint16_t> log_probs, tails;

  void add(const Summary& summary) {
    ids.insert(ids.end(), summary.ids.begin(), summary.ids.end());
    log_probs.insert(log_probs.end(), summary.log_probs.begin(), summary.log_probs.end());
    tails.push_back(summary.tail);
  }
};

class CacheMaker {
 public:
  CacheMaker(LoadedModel& teacher, const TeacherCacheOptions& options, const TeacherRun& run)
      : teacher_(teacher), options_(options), run_(run) {
    const std::int64_t n = pages_per_window();
    for (std::int64_t i = 0; i < kTeacherSequences; ++i) {
      std::vector<std::int32_t> pages(static_cast<std::size_t>(n));
      std::iota(pages.begin(), pages.end(), static_cast<std::int32_t>(i * n));
      pages_.push_back(std::move(pages));
    }
    for (const auto& pages : pages_) tables_.emplace_back(pages);
  }

  std::int64_t pages_per_window() const {
    return (options_.window + kPageTokens - 1) / kPageTokens;
  }

  // The windows that begin at `first` of the text.
  Result<> fill(std::span<Draft> group, std::int64_t first) {
    const bool goes_on = options_.continue_after > 0;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::int64_t n = goes_on ? options_.continue_after : options_.window;
      for (std::int64_t begin = 0; begin < n; begin += kRows) {
        std::vector<BatchRow> rows;
        for (std::int64_t at = begin; at < std::min(n, begin + kRows); ++at) {
          rows.push_back(row(group[i], at, i));
        }
        for (const Summary& summary : SLIP_TRY(summaries(rows))) group[i].add(summary);
      }
    }
    for (std::int64_t at = options_.continue_after; goes_on && at < options_.window; ++at) {
      std::vector<BatchRow> rows;
      for (std::size_t i = 0; i < group.size(); ++i) {
        const std::int64_t window = first + static_cast<std::int64_t>(i);
        draw(group[i], at, static_cast<std::uint64_t>(window * options_.window + at));
        rows.push_back(row(group[i], at, i));
      }
      const std::vector<Summary> next = SLIP_TRY(summaries(rows));
      for (std::size_t i = 0; i < group.size(); ++i) group[i].add(next[i]);
    }
    return {};
  }

 private:
  static BatchRow row(const Draft& draft, std::int64_t at, std::size_t sequence) {
    return {.token = draft.tokens[static_cast<std::size_t>(at)],
            .position = static_cast<std::int32_t>(at),
            .sequence = static_cast<std::int32_t>(sequence),
            .output = RowOutput::kLogits};
  }

  Result<std::vector<Summary>> summaries(std::span<const BatchRow> rows) {
    // A pass sees only the tables of its own sequences.
    std::vector<BatchRow> batch(rows.begin(), rows.end());
    std::span<const std::span<const std::int32_t>> tables = tables_;
    tables = tables.subspan(static_cast<std::size_t>(batch.front().sequence));
    const std::int32_t first = batch.front().sequence;
    for (BatchRow& one : batch) one.sequence -= first;
    tables = tables.first(static_cast<std::size_t>(batch.back().sequence) + 1);
    const ForwardOutput out = SLIP_TRY(
        teacher_.runner().run({.rows = batch, .page_tables = tables, .cancel = run_.cancel}));
    const auto n_vocab = static_cast<std::size_t>(teacher_.config().n_vocab);
    std::vector<Summary> all(rows.size());
    teacher_.runtime().pool().parallel_for(
        static_cast<std::int64_t>(rows.size()), 1, [&](std::int64_t begin, std::int64_t end, int) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            all[i] = summarize(out.logits.subspan(i * n_vocab, n_vocab), options_.top_k,
                               options_.temperature);
          }
        });
    return all;
  }

  // The token at `at`, from what the teacher said after the one before it.
  void draw(Draft& draft, std::int64_t at, std::uint64_t position) const {
    const auto begin = static_cast<std::size_t>((at - 1) * options_.top_k);
    const auto k = static_cast<std::size_t>(options_.top_k);
    std::vector<double> weights(k);
    double sum = 0;
    for (std::size_t i = 0; i < k; ++i) {
      if (teacher_.tokenizer()->is_end_of_generation(draft.ids[begin + i])) continue;
      // Back to temperature 1.
      weights[i] = std::exp(f16_to_f32(draft.log_probs[begin + i]) * options_.temperature);
      sum += weights[i];
    }
    double left = random_uniform(options_.seed, position) * sum;
    std::size_t chosen = 0;
    while (chosen + 1 < k && left >= weights[chosen]) left -= weights[chosen++];
    draft.tokens[static_cast<std::size_t>(at)] = draft.ids[begin + chosen];
  }

  LoadedModel& teacher_;
  const TeacherCacheOptions& options_;
  const TeacherRun& run_;
  std::vector<std::vector<std::int32_t>> pages_;
  std::vector<std::span<const std::int32_t>> tables_;
};

template <class T>
Result<> put(AtomicFile& file, const std::vector<T>& items) {
  return file.write(std::as_bytes(std::span(items)));
}

template <class T>
std::span<const T> take(std::span<const std::byte>& bytes, std::int64_t n) {
  const auto size = static_cast<std::size_t>(n) * sizeof(T);
  const std::span<const T> items(reinterpret_cast<const T*>(bytes.data()),
                                 static_cast<std::size_t>(n));
  bytes = bytes.subspan(size);
  return items;
}

}  // namespace

std::uint64_t TeacherCache::key_of(const ModelSource& teacher, std::string_view text,
                                   const TeacherCacheOptions& o) {
  ContentHasher hasher;
  for (const MappedFile* file : teacher.files()) hasher.add(file->bytes());
  hasher.add(std::as_bytes(std::span(text)));
  const std::string options =
      fmt::format("{} {} {} {} {} {}", o.window, o.max_windows, o.continue_after, o.top_k,
                  o.temperature, o.continue_after > 0 ? o.seed : 0);
  hasher.add(std::as_bytes(std::span(options)));
  return hasher.value();
}

Result<TeacherCache> TeacherCache::open(const std::filesystem::path& path, std::uint64_t key) {
  TeacherCache cache;
  cache.file_ = SLIP_TRY(MappedFile::open(path));
  const auto bytes = cache.file_.bytes();
  Header header{};
  if (bytes.size() < sizeof(header)) return invalid("{}: expected a teacher cache", path.string());
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return invalid("{}: expected a teacher cache", path.string());
  }
  if (header.key != key) {
    return invalid("{}: expected the cache of this teacher, text and options, got another one's",
                   path.string());
  }
  const bool fits = header.window > 0 && header.window <= (1 << 20) && header.top_k > 0 &&
                    header.top_k <= (1 << 12) && header.n_windows > 0;
  const std::uint64_t room = bytes.size() - sizeof(header);
  if (!fits || room % window_bytes(header.window, header.top_k) != 0 ||
      room / window_bytes(header.window, header.top_k) !=
          static_cast<std::uint64_t>(header.n_windows)) {
    return invalid("{}: expected a whole teacher cache, got {} bytes", path.string(), bytes.size());
  }
  cache.key_ = header.key;
  cache.n_windows_ = header.n_windows;
  cache.window_ = header.window;
  cache.top_k_ = header.top_k;
  return cache;
}

TeacherWindow TeacherCache::operator[](std::int64_t i) const {
  const std::uint64_t size = window_bytes(window_, top_k_);
  auto bytes = file_.bytes().subspan(sizeof(Header) + static_cast<std::uint64_t>(i) * size, size);
  TeacherWindow window;
  window.tokens = take<std::int32_t>(bytes, window_);
  window.ids = take<std::int32_t>(bytes, window_ * top_k_);
  window.log_probs = take<std::uint16_t>(bytes, window_ * top_k_);
  window.tails = take<std::uint16_t>(bytes, window_);
  return window;
}

Result<> write_teacher_cache(const std::filesystem::path& path, LoadedModel& teacher,
                             std::string_view text, const TeacherCacheOptions& options,
                             const TeacherRun& run) {
  const Tokenizer& tokenizer = *teacher.tokenizer();
  const std::vector<int> tokens =
      tokenizer.encode(text, {.add_special = true, .parse_special = false});
  std::int64_t n_windows = static_cast<std::int64_t>(tokens.size()) / options.window;
  if (options.max_windows > 0) n_windows = std::min(n_windows, options.max_windows);
  if (n_windows == 0) {
    return invalid("text: expected at least one window of {} tokens, got {}", options.window,
                   tokens.size());
  }
  Header header{.magic = {},
                .key = run.key,
                .n_windows = n_windows,
                .window = options.window,
                .top_k = options.top_k};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  AtomicFile file = SLIP_TRY(AtomicFile::create(path));
  SLIP_TRY(file.write(std::as_bytes(std::span(&header, 1))));
  CacheMaker maker(teacher, options, run);
  const auto padding = window_bytes(options.window, options.top_k) -
                       static_cast<std::uint64_t>(options.window * (6 + 6 * options.top_k));
  for (std::int64_t first = 0; first < n_windows; first += kTeacherSequences) {
    std::vector<Draft> group(
        static_cast<std::size_t>(std::min(kTeacherSequences, n_windows - first)));
    for (std::size_t i = 0; i < group.size(); ++i) {
      const auto begin = tokens.begin() + (first + static_cast<std::int64_t>(i)) * options.window;
      group[i].tokens.assign(begin, begin + options.window);
      if (tokenizer.adds_bos()) group[i].tokens.front() = tokenizer.bos_id();
    }
    SLIP_TRY(maker.fill(group, first));
    for (const Draft& draft : group) {
      SLIP_TRY(put(file, draft.tokens));
      SLIP_TRY(put(file, draft.ids));
      SLIP_TRY(put(file, draft.log_probs));
      SLIP_TRY(put(file, draft.tails));
      SLIP_TRY(file.write(std::string(padding, '\0')));
    }
    const auto done = first + static_cast<std::int64_t>(group.size());
    if (run.on_windows) run.on_windows(done, n_windows);
  }
  return file.commit();
}

}  // namespace slip
