#include "model/kv_store.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace slip {

Result<KvStore> KvStore::create(const ModelConfig& config, const KvOptions& options) {
  KvStore store;
  store.k_type_ = options.k_type;
  store.v_type_ = options.v_type;
  store.n_pages_ = options.n_pages;
  for (const LayerRecipe& layer : config.layers) {
    if ((is_quantised(options.k_type) || is_quantised(options.v_type)) &&
        layer.head_dim % 32 != 0) {
      return fail(ErrorKind::kUnsupported,
                  "KV cache types q8_0 and q4_0: expected a head size that is a multiple of 32, "
                  "got {}",
                  layer.head_dim);
    }
    const std::size_t head_bytes = kv_head_bytes(options.k_type, layer.head_dim) +
                                   kv_head_bytes(options.v_type, layer.head_dim);
    store.layers_.push_back({store.page_bytes_, layer.n_kv_heads, layer.head_dim});
    store.page_bytes_ += head_bytes * static_cast<std::size_t>(layer.n_kv_heads);
  }
  store.memory_ = SLIP_TRY(
      AlignedBuffer::allocate(store.page_bytes_ * static_cast<std::size_t>(options.n_pages)));
  store.filled_.resize(static_cast<std::size_t>(options.n_pages));
  return store;
}

Result<std::size_t> KvStore::page_bytes_of(const ModelConfig& config, KvType k_type,
                                           KvType v_type) {
  return SLIP_TRY(create(config, {.k_type = k_type, .v_type = v_type})).page_bytes();
}

std::int64_t KvStore::n_filled(std::span<const std::int32_t> pages, std::int64_t limit) const {
  std::int64_t n = 0;
  for (const std::int32_t page : pages) {
    if (n >= limit || page < 0 || page >= n_pages_) break;
    const int in_page = filled_[static_cast<std::size_t>(page)];
    n += in_page;
    if (in_page < kKvPageTokens) break;
  }
  return n;
}

void KvStore::set_filled(std::span<const std::int32_t> pages, std::int64_t begin,
                         std::int64_t end) {
  std::int64_t page = begin / kKvPageTokens;
  do {
    const std::int64_t n = std::min<std::int64_t>(end - page * kKvPageTokens, kKvPageTokens);
    filled_[static_cast<std::size_t>(pages[static_cast<std::size_t>(page)])] =
        static_cast<std::uint8_t>(n);
    ++page;
  } while (page * kKvPageTokens < end);
}

KvLayout KvStore::layer(int layer) {
  const LayerPlace& place = layers_[static_cast<std::size_t>(layer)];
  return {.k_type = k_type_,
          .v_type = v_type_,
          .n_kv_heads = place.n_kv_heads,
          .head_dim = place.head_dim,
          .base = memory_.data() + place.offset,
          .page_bytes = static_cast<std::int64_t>(page_bytes_)};
}

std::span<const std::byte> KvStore::export_page(std::int32_t page) const {
  SLIP_CHECK(page >= 0 && page < n_pages_);
  return {memory_.data() + static_cast<std::size_t>(page) * page_bytes_, page_bytes_};
}

Result<> KvStore::import_page(std::int32_t page, std::span<const std::byte> bytes) {
  SLIP_CHECK(page >= 0 && page < n_pages_);
  if (bytes.size() != page_bytes_) {
    return invalid("KV page: expected {} bytes, got {}", page_bytes_, bytes.size());
  }
  std::copy(bytes.begin(), bytes.end(),
            memory_.data() + static_cast<std::size_t>(page) * page_bytes_);
  filled_[static_cast<std::size_t>(page)] = kKvPageTokens;
  return {};
}

void KvStore::copy_page(std::int32_t from, std::int32_t to) {
  const auto bytes = export_page(from);
  SLIP_CHECK(to >= 0 && to < n_pages_);
  std::memcpy(memory_.data() + static_cast<std::size_t>(to) * page_bytes_, bytes.data(),
              bytes.size());
  filled_[static_cast<std::size_t>(to)] = filled_[static_cast<std::size_t>(from)];
}

}  // namespace slip
