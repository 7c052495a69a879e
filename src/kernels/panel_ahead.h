// What a panel's tiles fetch while they multiply: the packed weights of the panel that comes next,
// so that unpacking it doesn't wait for memory. Each tile fetches a share of every group.
//
// Included by files that are compiled for one ISA: everything has internal linkage.
#pragma once

#include "kernels/kernels.h"

namespace slip {
namespace {

// A panel's place in the groups and blocks of a call.
struct PanelPlace {
  int64_t group;
  int64_t n_groups;  // of a panel
  int64_t block;
  int64_t n_blocks;
  int64_t chunk;  // blocks of a panel
  int64_t all_blocks;
  int64_t n_tiles;  // that sweep over it
};

struct PanelAhead {
  const uint8_t* at;    // of the first group
  int64_t to_second;    // from there to the second group; 0: there is one
  int64_t n_bytes;      // of each
  int64_t block_lines;  // of 64 B that a tile fetches of a group at each of its blocks; 0: none

  // Of tile `t`, which has n_blocks blocks.
  PanelAhead of_tile(int64_t t, int64_t n_blocks) const {
    const int64_t offset = t * n_blocks * block_lines * 64;
    if (offset >= n_bytes) return {at, 0, 0, 0};
    return {at + offset, to_second, n_bytes - offset, block_lines};
  }
};

inline PanelAhead next_panel(const QGemmArgs* args, const PanelPlace& p) {
  if (args->tiling->ahead == 0) return {args->w->data, 0, 0, 0};
  const PackedLayout& layout = kPackedLayouts[static_cast<int>(args->w->kind)];
  int64_t group = p.group + p.n_groups, block = p.block;
  if (group >= args->group_end) {
    group = args->group_begin;
    block += p.chunk;
    if (block >= p.all_blocks) {
      group = args->group_end;
      block = 0;
    }
  }
  const int64_t last = (args->w->n_rows + kRowGroup - 1) / kRowGroup - 1;
  const int64_t first = group < last ? group : last;
  const int64_t second = first + p.n_groups - 1 < last ? first + p.n_groups - 1 : last;
  const int64_t offset = block * layout.block_bytes + block / 8 * layout.head_bytes;
  const int64_t lines = (layout.block_bytes + 63) / 64;
  return {args->w->data + first * args->w->group_bytes + offset,
          (second - first) * args->w->group_bytes, p.n_blocks * layout.block_bytes,
          (lines + p.n_tiles - 1) / p.n_tiles};
}

}  // namespace
}  // namespace slip
