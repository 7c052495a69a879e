// The memory of keys and values, in pages of 32 tokens. The runner owns it; whoever schedules deals
// in page ids only (src/cache).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "model/config.h"
#include "ops/attention.h"

namespace slip {

// Whether heads are worth a rotation before they are stored so (ADR 4).
constexpr bool is_quantised(KvType type) {
  return type == KvType::kQ8_0 || type == KvType::kQ4_0;
}

struct KvOptions {
  KvType k_type = KvType::kI16;
  KvType v_type = KvType::kI16;
  std::int32_t n_pages = 0;
};

// A page holds the keys and values of 32 consecutive positions for every layer. Memory is reserved
// at creation and touched when first written. Pages may be written by one runner at a time.
class KvStore {
 public:
  // kUnsupported when the type doesn't fit a head size (Q8_0 and Q4_0 need multiples of 32).
  static Result<KvStore> create(const ModelConfig& config, const KvOptions& options);
  // What a page of such a store takes up, for planning.
  static Result<std::size_t> page_bytes_of(const ModelConfig& config, KvType k_type, KvType v_type);

  std::int32_t n_pages() const { return n_pages_; }
  std::size_t page_bytes() const { return page_bytes_; }
  KvType k_type() const { return k_type_; }
  KvType v_type() const { return v_type_; }

  // How many positions, from the first on and without a gap, `pages` hold: what a row may continue.
  // Stops counting at `limit`, and at an id that is no page.
  std::int64_t n_filled(std::span<const std::int32_t> pages, std::int64_t limit) const;
  // Says that a pass has written positions begin … end-1 of `pages`, and that of the last page
  // nothing behind them counts any more.
  void set_filled(std::span<const std::int32_t> pages, std::int64_t begin, std::int64_t end);

  // The layer's area, as ops/attention.h addresses it.
  KvLayout layer(int layer);

  // Page contents as bytes, for moving them elsewhere (other tiers, other processes).
  std::span<const std::byte> export_page(std::int32_t page) const;
  // An imported page counts as full. kInvalid when `bytes` isn't one page of this store's shape.
  Result<> import_page(std::int32_t page, std::span<const std::byte> bytes);
  void copy_page(std::int32_t from, std::int32_t to);

 private:
  struct LayerPlace {
    std::size_t offset;
    int n_kv_heads;
    int head_dim;
  };
  KvType k_type_ = KvType::kI16;
  KvType v_type_ = KvType::kI16;
  std::int32_t n_pages_ = 0;
  std::size_t page_bytes_ = 0;
  std::vector<LayerPlace> layers_;
  std::vector<std::uint8_t> filled_;  // by page: positions that hold something, from the first on
  AlignedBuffer memory_;
};

}  // namespace slip
