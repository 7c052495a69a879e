// KV pages by the tokens they hold: prompts that begin alike share what is computed already.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "cache/page_pool.h"
#include "model/kv_store.h"

namespace slip {

// A radix tree whose edges are pages (RadixAttention: Zheng et al., "SGLang", 2024, with page-sized
// edges): a node is a full page of 32 tokens behind all pages above it, so its id is the page's and
// the tree needs no memory of its own beyond tables made once. Sequences hold the pages they read;
// a page without holders is cached until somebody needs the room, the least recently used first.
// Whoever holds a page holds those above it, so what is evicted is always a leaf.
//
// The contract: match → lock → compute → insert → unlock; evict when pages are short.
// Not thread-safe. Nothing allocates but check_integrity().
class PrefixTree {
 public:
  using Tokens = std::span<const std::int32_t>;

  // `pool` is borrowed; from now on pages go back to it through unlock() and evict().
  explicit PrefixTree(PagePool& pool);

  struct Match {
    std::int64_t n_pages = 0;
    std::int64_t n_held = 0;  // of these, held by somebody already: locking them takes up nothing
  };
  // The longest cached beginning of `tokens` in full pages. Their ids replace those of `pages`
  // (which may be null).
  Match match(Tokens tokens, std::vector<std::int32_t>* pages) const;
  // Holds matched pages, root first.
  void lock(std::span<const std::int32_t> pages);

  // Puts pages [n_known, n_full) of a sequence into the tree; those before are in it. `tokens` are
  // the sequence's, `pages` its table. Where the tree has a page with the same tokens, which holds
  // the same bits, the table gets that one and gives its own back.
  struct Span {
    std::int64_t n_known = 0;
    std::int64_t n_full = 0;
  };
  void insert(Tokens tokens, std::span<std::int32_t> pages, Span which);

  // The sequence lets go of its pages, root first: those in the tree stay cached (unless others
  // hold them), those that aren't are free.
  void unlock(std::span<const std::int32_t> pages);

  // Frees up to `n_pages` cached pages; returns how many.
  std::int64_t evict(std::int64_t n_pages);

  std::int32_t n_cached() const { return n_cached_; }
  // Pages that a sequence can get: free or cached.
  std::int32_t n_available() const { return pool_.n_free() + n_cached_; }
  // A page for one sequence alone: a free one, else the least recently used; -1 when all are held.
  std::int32_t allocate();

  // Free + cached + held pages are all pages; every node is where it can be found, no node is used
  // less recently or held less than those below it. O(pages).
  Result<> check_integrity() const;

 private:
  static constexpr std::int32_t kNone = -1;
  struct Node {
    std::int32_t tokens[kKvPageTokens];
    std::int32_t parent = kNone;  // kNone: the page is the first of its sequences
    std::int32_t n_children = 0;
    std::int32_t next_in_bucket = kNone;
    std::int32_t older = kNone, newer = kNone;  // neighbours among the cached nodes
    bool is_used = false;
  };
  Node& node(std::int32_t page) { return nodes_[static_cast<std::size_t>(page)]; }
  const Node& node(std::int32_t page) const { return nodes_[static_cast<std::size_t>(page)]; }

  std::size_t bucket(std::int32_t parent, Tokens page_tokens) const;
  std::int32_t find_child(std::int32_t parent, Tokens page_tokens) const;
  void add(std::int32_t parent, Tokens page_tokens, std::int32_t page);
  void remove(std::int32_t page);
  // To and from the list of cached nodes.
  void make_newest(std::int32_t page);
  void take_out(std::int32_t page);
  void hold(std::int32_t page);
  Result<> check_node(std::int32_t page) const;
  Result<> check_lru() const;

  PagePool& pool_;
  std::vector<Node> nodes_;            // by page
  std::vector<std::int32_t> buckets_;  // hash of (parent, tokens) to the chain's first node
  std::int32_t oldest_ = kNone, newest_ = kNone;
  std::int32_t n_cached_ = 0;
};

}  // namespace slip
