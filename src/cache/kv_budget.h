// How many KV pages a memory budget pays for.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace slip {

// Part of the memory that this process may still take which the KV cache gets, where nobody says
// how much: activations, the system's file cache (the weights are mapped) and others need the rest.
inline constexpr double kKvMemoryShare = 0.5;

struct KvBudget {
  std::uint64_t requested_bytes = 0;  // --kv-memory; 0: kKvMemoryShare of what is available
  std::uint64_t available_bytes = 0;  // base/os/memory.h, weights taken into account
  std::uint64_t page_bytes = 0;       // KvStore::page_bytes_of
  std::int64_t min_tokens = 0;        // of one sequence: with less it is an error
  std::int64_t max_tokens = 0;        // more is of no use
};

// kLimit when not even one sequence of min_tokens would fit; the message says what would do.
Result<std::int32_t> kv_pages(const KvBudget& budget);

}  // namespace slip
