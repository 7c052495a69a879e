// Which KV pages are free, and how many sequences hold each of the others.
#pragma once

#include <cstdint>
#include <vector>

namespace slip {

// Deals out page ids 0 … n_pages-1; the memory itself is the KvStore's. A page that nobody holds
// stays out of the free list until free(): the prefix tree keeps it for later. Nothing allocates
// after construction. Not thread-safe.
class PagePool {
 public:
  explicit PagePool(std::int32_t n_pages);

  std::int32_t n_pages() const { return static_cast<std::int32_t>(holders_.size()); }
  std::int32_t n_free() const { return static_cast<std::int32_t>(free_.size()); }
  std::int32_t n_held() const { return n_held_; }
  std::int32_t holders(std::int32_t page) const { return holders_[static_cast<std::size_t>(page)]; }

  // A free page, held once; -1 when there is none.
  std::int32_t allocate();
  void retain(std::int32_t page);
  // Returns how many still hold it.
  std::int32_t release(std::int32_t page);
  // Nobody holds the page, and it is no longer kept.
  void free(std::int32_t page);

  // By page, whether it is in the free list: for integrity checks.
  std::vector<bool> free_pages() const;

 private:
  std::vector<std::int32_t> holders_;  // by page
  std::vector<std::int32_t> free_;     // taken from the back
  std::int32_t n_held_ = 0;
};

}  // namespace slip
