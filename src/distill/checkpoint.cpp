#include "distill/checkpoint.h"

#include <cstring>

#include "base/os/atomic_file.h"
#include "base/os/mapped_file.h"

namespace slip {
namespace {

constexpr char kMagic[8] = {'S', 'L', 'I', 'P', 'D', 'C', 'K', '1'};

// Followed by the curves' points, then weights and moments.
struct Header {
  char magic[8];
  std::uint64_t fingerprint;
  std::int64_t step, n_steps;
  double seconds;
  Losses first, best;
  std::int64_t best_step, n_without_progress;
  std::int64_t n_training, n_held_out;
};

template <class T>
void take(std::span<const std::byte>& bytes, std::vector<T>& items, std::int64_t n) {
  items.resize(static_cast<std::size_t>(n));
  std::memcpy(items.data(), bytes.data(), items.size() * sizeof(T));
  bytes = bytes.subspan(items.size() * sizeof(T));
}

std::uint64_t bytes_of(const Network& network) {
  std::uint64_t n = 0;
  network.save([&n](std::span<const std::byte> bytes) { n += bytes.size(); });
  return n;
}

}  // namespace

Result<> write_checkpoint(const std::filesystem::path& path, const Network& network,
                          const TrainingProgress& p, std::uint64_t fingerprint) {
  Header header{.magic = {},
                .fingerprint = fingerprint,
                .step = p.step,
                .n_steps = p.n_steps,
                .seconds = p.seconds,
                .first = p.first,
                .best = p.best,
                .best_step = p.best_step,
                .n_without_progress = p.n_without_progress,
                .n_training = static_cast<std::int64_t>(p.training.size()),
                .n_held_out = static_cast<std::int64_t>(p.held_out.size())};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  AtomicFile file = SLIP_TRY(AtomicFile::create(path));
  SLIP_TRY(file.write(std::as_bytes(std::span(&header, 1))));
  SLIP_TRY(file.write(std::as_bytes(std::span(p.training))));
  SLIP_TRY(file.write(std::as_bytes(std::span(p.held_out))));
  Result<> written;
  network.save([&](std::span<const std::byte> bytes) {
    if (written) written = file.write(bytes);
  });
  SLIP_TRY(std::move(written));
  return file.commit();
}

Result<TrainingProgress> read_checkpoint(const std::filesystem::path& path, Network& network,
                                         std::uint64_t fingerprint) {
  const MappedFile file = SLIP_TRY(MappedFile::open(path));
  std::span<const std::byte> bytes = file.bytes();
  Header header{};
  if (bytes.size() < sizeof(header)) return invalid("{}: expected a checkpoint", path.string());
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) {
    return invalid("{}: expected a checkpoint", path.string());
  }
  if (header.fingerprint != fingerprint) {
    return invalid(
        "{}: expected a checkpoint of this training, got one of other models, text or "
        "options; remove it to begin anew",
        path.string());
  }
  constexpr std::int64_t kMaxPoints = std::int64_t{1} << 32;
  const bool fits = header.n_training >= 0 && header.n_training <= kMaxPoints &&
                    header.n_held_out >= 0 && header.n_held_out <= kMaxPoints;
  const auto n_training = static_cast<std::uint64_t>(header.n_training);
  const auto n_held_out = static_cast<std::uint64_t>(header.n_held_out);
  const std::uint64_t expected = sizeof(header) + n_training * sizeof(CurvePoint) +
                                 n_held_out * sizeof(CurvePoint) + bytes_of(network);
  if (!fits || bytes.size() != expected) {
    return invalid("{}: expected a checkpoint of {} bytes, got {}", path.string(), expected,
                   bytes.size());
  }
  TrainingProgress p{.step = header.step,
                     .n_steps = header.n_steps,
                     .seconds = header.seconds,
                     .first = header.first,
                     .best = header.best,
                     .best_step = header.best_step,
                     .n_without_progress = header.n_without_progress};
  bytes = bytes.subspan(sizeof(header));
  take(bytes, p.training, header.n_training);
  take(bytes, p.held_out, header.n_held_out);
  network.restore([&bytes](std::span<std::byte> into) {
    std::memcpy(into.data(), bytes.data(), into.size());
    bytes = bytes.subspan(into.size());
  });
  return p;
}

}  // namespace slip
