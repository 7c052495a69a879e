#include "cache/page_pool.h"

#include "base/check.h"

namespace slip {

PagePool::PagePool(std::int32_t n_pages) : holders_(static_cast<std::size_t>(n_pages)) {
  free_.reserve(holders_.size());
  // The lowest ids go first: memory that was never used stays untouched longest.
  for (std::int32_t page = n_pages - 1; page >= 0; --page) free_.push_back(page);
}

std::int32_t PagePool::allocate() {
  if (free_.empty()) return -1;
  const std::int32_t page = free_.back();
  free_.pop_back();
  retain(page);
  return page;
}

void PagePool::retain(std::int32_t page) {
  if (holders_[static_cast<std::size_t>(page)]++ == 0) ++n_held_;
}

std::int32_t PagePool::release(std::int32_t page) {
  std::int32_t& holders = holders_[static_cast<std::size_t>(page)];
  SLIP_CHECK(holders > 0);
  if (--holders == 0) --n_held_;
  return holders;
}

void PagePool::free(std::int32_t page) {
  SLIP_CHECK(holders(page) == 0 && n_free() < n_pages());
  free_.push_back(page);
}

std::vector<bool> PagePool::free_pages() const {
  std::vector<bool> is_free(holders_.size());
  for (const std::int32_t page : free_) is_free[static_cast<std::size_t>(page)] = true;
  return is_free;
}

}  // namespace slip
