#include "cache/prefix_tree.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/hash.h"

namespace slip {
namespace {

PrefixTree::Tokens page_of(PrefixTree::Tokens tokens, std::int64_t page) {
  return tokens.subspan(static_cast<std::size_t>(page * kKvPageTokens), kKvPageTokens);
}

}  // namespace

PrefixTree::PrefixTree(PagePool& pool)
    : pool_(pool),
      nodes_(static_cast<std::size_t>(pool.n_pages())),
      buckets_(std::bit_ceil(nodes_.size() + 1), kNone) {}

std::size_t PrefixTree::bucket(std::int32_t parent, Tokens page_tokens) const {
  const auto seed = static_cast<std::uint64_t>(static_cast<std::uint32_t>(parent));
  return content_hash(std::as_bytes(page_tokens), seed) & (buckets_.size() - 1);
}

std::int32_t PrefixTree::find_child(std::int32_t parent, Tokens page_tokens) const {
  std::int32_t at = buckets_[bucket(parent, page_tokens)];
  while (at != kNone && (node(at).parent != parent ||
                         !std::equal(page_tokens.begin(), page_tokens.end(), node(at).tokens))) {
    at = node(at).next_in_bucket;
  }
  return at;
}

PrefixTree::Match PrefixTree::match(Tokens tokens, std::vector<std::int32_t>* pages) const {
  Match found;
  if (pages != nullptr) pages->clear();
  const std::int64_t n_full = std::ssize(tokens) / kKvPageTokens;
  for (std::int32_t parent = kNone; found.n_pages < n_full; ++found.n_pages) {
    parent = find_child(parent, page_of(tokens, found.n_pages));
    if (parent == kNone) break;
    if (pool_.holders(parent) > 0) ++found.n_held;
    if (pages != nullptr) pages->push_back(parent);
  }
  return found;
}

void PrefixTree::hold(std::int32_t page) {
  if (pool_.holders(page) == 0) take_out(page);
  pool_.retain(page);
}

void PrefixTree::lock(std::span<const std::int32_t> pages) {
  for (const std::int32_t page : pages) hold(page);
}

void PrefixTree::insert(Tokens tokens, std::span<std::int32_t> pages, Span which) {
  for (std::int64_t p = which.n_known; p < which.n_full; ++p) {
    std::int32_t& page = pages[static_cast<std::size_t>(p)];
    const std::int32_t parent = p == 0 ? kNone : pages[static_cast<std::size_t>(p - 1)];
    const std::int32_t twin = find_child(parent, page_of(tokens, p));
    if (twin == kNone) {
      add(parent, page_of(tokens, p), page);
      continue;
    }
    hold(twin);
    if (pool_.release(page) == 0) pool_.free(page);
    page = twin;
  }
}

void PrefixTree::unlock(std::span<const std::int32_t> pages) {
  for (auto page = pages.rbegin(); page != pages.rend(); ++page) {
    if (pool_.release(*page) > 0) continue;
    if (node(*page).is_used) {
      make_newest(*page);
    } else {
      pool_.free(*page);
    }
  }
}

std::int64_t PrefixTree::evict(std::int64_t n_pages) {
  std::int64_t n = 0;
  for (; n < n_pages && oldest_ != kNone; ++n) {
    const std::int32_t page = oldest_;
    take_out(page);
    remove(page);
    pool_.free(page);
  }
  return n;
}

std::int32_t PrefixTree::allocate() {
  if (pool_.n_free() == 0) evict(1);
  return pool_.allocate();
}

void PrefixTree::add(std::int32_t parent, Tokens page_tokens, std::int32_t page) {
  Node& added = node(page);
  SLIP_CHECK(!added.is_used && pool_.holders(page) > 0);
  std::copy(page_tokens.begin(), page_tokens.end(), added.tokens);
  added.parent = parent;
  added.n_children = 0;
  added.is_used = true;
  if (parent != kNone) {
    SLIP_CHECK(node(parent).is_used);
    ++node(parent).n_children;
  }
  std::int32_t& first = buckets_[bucket(parent, page_tokens)];
  added.next_in_bucket = first;
  first = page;
}

void PrefixTree::remove(std::int32_t page) {
  Node& removed = node(page);
  SLIP_CHECK(removed.n_children == 0);
  std::int32_t* link = &buckets_[bucket(removed.parent, removed.tokens)];
  while (*link != page) link = &node(*link).next_in_bucket;
  *link = removed.next_in_bucket;
  if (removed.parent != kNone) --node(removed.parent).n_children;
  removed.is_used = false;
}

void PrefixTree::make_newest(std::int32_t page) {
  node(page).older = newest_;
  node(page).newer = kNone;
  (newest_ == kNone ? oldest_ : node(newest_).newer) = page;
  newest_ = page;
  ++n_cached_;
}

void PrefixTree::take_out(std::int32_t page) {
  const Node& n = node(page);
  (n.older == kNone ? oldest_ : node(n.older).newer) = n.newer;
  (n.newer == kNone ? newest_ : node(n.newer).older) = n.older;
  --n_cached_;
}

Result<> PrefixTree::check_node(std::int32_t page) const {
  const Node& n = node(page);
  if (find_child(n.parent, n.tokens) != page) {
    return invalid("prefix tree: page {}: expected to find it by its tokens", page);
  }
  if (n.parent == kNone) return {};
  if (!node(n.parent).is_used) {
    return invalid("prefix tree: page {}: its parent {} is not in the tree", page, n.parent);
  }
  if (pool_.holders(n.parent) < pool_.holders(page)) {
    return invalid("prefix tree: page {}: expected its parent to be held {} times or more, got {}",
                   page, pool_.holders(page), pool_.holders(n.parent));
  }
  return {};
}

Result<> PrefixTree::check_lru() const {
  std::vector<std::int32_t> n_older_children(nodes_.size());
  std::int32_t n = 0;
  for (std::int32_t page = oldest_; page != kNone && n <= n_cached_; page = node(page).newer, ++n) {
    if (pool_.holders(page) != 0 || !node(page).is_used) {
      return invalid("prefix tree: page {} is listed as cached, but is not", page);
    }
    if (n_older_children[static_cast<std::size_t>(page)] != node(page).n_children) {
      return invalid("prefix tree: page {} would be evicted before one below it", page);
    }
    if (node(page).parent != kNone) ++n_older_children[static_cast<std::size_t>(node(page).parent)];
  }
  if (n != n_cached_) return invalid("prefix tree: expected {} cached pages, got {}", n_cached_, n);
  return {};
}

Result<> PrefixTree::check_integrity() const {
  const std::vector<bool> is_free = pool_.free_pages();
  std::vector<std::int32_t> n_children(nodes_.size());
  std::int32_t n_cached = 0, n_held = 0;
  for (std::int32_t page = 0; page < pool_.n_pages(); ++page) {
    const bool is_held = pool_.holders(page) > 0;
    n_held += is_held;
    n_cached += node(page).is_used && !is_held;
    if (is_free[static_cast<std::size_t>(page)] && (is_held || node(page).is_used)) {
      return invalid("prefix tree: page {} is free, and in use", page);
    }
    if (!node(page).is_used) continue;
    SLIP_TRY(check_node(page));
    if (node(page).parent != kNone) ++n_children[static_cast<std::size_t>(node(page).parent)];
  }
  for (std::int32_t page = 0; page < pool_.n_pages(); ++page) {
    const std::int32_t n = n_children[static_cast<std::size_t>(page)];
    if (node(page).is_used && n != node(page).n_children) {
      return invalid("prefix tree: page {}: expected {} pages below it, got {}", page,
                     node(page).n_children, n);
    }
  }
  if (n_cached != n_cached_ || n_held != pool_.n_held() ||
      pool_.n_free() + n_cached + n_held != pool_.n_pages()) {
    return invalid("prefix tree: expected {} pages, got {} free + {} cached + {} held",
                   pool_.n_pages(), pool_.n_free(), n_cached, n_held);
  }
  return check_lru();
}

}  // namespace slip
