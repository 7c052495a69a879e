// The inner loops, one table of function pointers per instruction set.
//
// A kernel assumes what an op (src/ops) has checked: shapes, alignment, ranges. It allocates
// nothing and starts no threads. Every ISA computes *bit-identical* results: the recipes below fix
// operand rounding and the order of every float operation, and sums of integers are exact, so a
// result depends on a row's inputs only, never on the ISA, the tile, the batch or the thread count.
// Fused multiply-add is written fma(); everything else rounds after each operation.
//
// This header is included by files that are compiled for one ISA: plain structs only, no inline
// functions, no templates, no std containers.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "quant/packed.h"

namespace slip {

constexpr int kReduceLanes = 16;   // partial sums of every float reduction, see reduce16 below
constexpr int kActBlock = 32;      // columns that share one activation scale
constexpr int kKvPageTokens = 32;  // tokens of a KV page: two groups of 16 keys
constexpr int kKeyBlock = 256;     // keys of one softmax block, aligned to absolute position
constexpr int kFewGemmRows = 32;   // above, GemmTilings::many_rows tells how products are done

// reduce16(v): how 16 partial sums become one, everywhere:
//   u[i] = v[i] + v[i+8] (i < 8); t[i] = u[i] + u[i+4] (i < 4); s[i] = t[i] + t[i+2] (i < 2);
//   s[0] + s[1]. Partial sum i takes elements i, i+16, i+32 … in ascending order.

// ---- How products with quantised weights go about it -------------------------------------------
// Goes up when a kernel changes in a way that may make another choice the fastest.
constexpr int kGemmVersion = 2;

// No choice here changes a bit of any result. Which is fastest depends on the CPU:
// ops/gemm_tuner.h tries those that a table lists.
struct GemmTiling {
  // Up to so many activation rows, each register tile unpacks the weights for itself; above, a
  // panel of unpacked weights in the cache serves all tiles.
  int direct_rows;
  int tile_columns;  // activation rows of a panel's register tile
  int panel_blocks;  // blocks of 32 columns of a panel, at most
  int sweep_kib;     // of activations that stay in the L2 cache while all panels meet them
  int ahead;         // 1: the packed weights of the next panel are fetched meanwhile, else 0
  // Of a register tile's dot products of a block. 0: each step of all columns, then the scales of
  // all; 1: all steps of two columns and their scales, then of the next two.
  int order;
};

// What was chosen for up to kFewGemmRows activation rows and for more.
struct GemmTilings {
  GemmTiling few_rows;
  GemmTiling many_rows;
};

// ---- Activations -------------------------------------------------------------------------------
// Recipe: per row and block of 32 columns, amax = max |x|; the block is fine when
//   fine_above = 0, or
//   amax² > fine_above² · (reduce16(Σ x² of the row) / n_cols), squares accumulated by fma:
// a block that stands out of its row by so much would otherwise carry most of the row's error.
//   coarse: d = amax / 127,   a = rint(x · (127 / amax))
//   fine:   d = amax / 32639, a = rint(x · (32639 / amax)), hi = (a + 128) >> 8, lo = a - 256·hi,
//           lo = max(lo, -127), a = 256·hi + lo. (|hi|, |lo| ≤ 127 keep every int16 partial sum
//           of AVX2 exact; 32639 = 127·256 + 127.)
// rint rounds halves to even. amax < 2^-100 gives d = 0 and zeros; a block that holds an infinity
// or a NaN gives d = NaN and zeros. a_sum = Σ a over each half of a block.
struct ActQuantArgs {
  const float* x;  // [n_rows][n_cols], row stride `x_stride` floats
  int64_t x_stride;
  int64_t n_cols;     // multiple of 32
  int64_t row_begin;  // rows to do: a multiple of act_tile, as is row_end unless it is the last
  int64_t row_end;
  int64_t n_rows;    // rows of the whole packed buffer
  float fine_above;  // in root mean squares of the row; 0: every block is fine, infinity: none
  void* packed;      // act_bytes(n_rows, n_cols) bytes, 64-byte aligned; layout private
  const GemmTiling* tiling;
};

// ---- Matrix products ---------------------------------------------------------------------------
// out[m][row] = Σ_k w[row][k] · x[m][k] for the rows of groups [group_begin, group_end) of 16 rows.
// `out` has room for every row of the last group (n_rows rounded up to 16).

// Quantised weights × quantised activations. Recipe, per output, blocks of 32 in ascending order,
// halves h of a block when the format's scales cover 16 columns (else one half of 32):
//   i = Σ (q - zero) · a (exact, int32);  acc = fma(scale_h, float(i) · d, acc);
//   with mins: acc = fma(min_h, float(a_sum_h) · d, acc)
// where scale_h and min_h are the exact f32 values that the weight format defines.
struct QGemmArgs {
  const PackedMatrix* w;
  int64_t group_begin;
  int64_t group_end;
  const void* act;  // by act_quantize of the same table, same n_cols, n_rows, fine_above, tiling
  int64_t n_rows;   // activation rows (M)
  float fine_above;
  float* out;
  int64_t out_stride;
  const GemmTiling* tiling;
};

// Float weights × float activations. Recipe, per output, blocks of 32 columns in ascending order
// (the last may be shorter): t = 0; t = fma(w, x, t) for ascending k; acc = acc + t.
struct FGemmArgs {
  const PackedMatrix* w;  // kind kF32, kF16 or kBF16: [group][k][16 rows]
  int64_t group_begin;
  int64_t group_end;
  const float* x;
  int64_t x_stride;
  int64_t n_rows;  // activation rows (M)
  float* out;
  int64_t out_stride;
};

// BF16 weights × activations rounded to BF16 (to nearest even; magnitudes below 2^-49 become zero,
// NaN stays NaN). Recipe, per output, blocks of 32 columns in ascending order (the last may be
// shorter): t = 0; for each pair of columns k, k + 1 in ascending order: t = fma(w[k + 1],
// x[k + 1], t), then t = fma(w[k], x[k], t); a last odd column is alone; acc = acc + t. Weights of
// magnitudes below 2^-63 count as zero: thereby every sum is a multiple of 2^-126, and none is one
// of the subnormal numbers that the instruction for such pairs would drop.
struct BF16RoundArgs {
  const float* x;  // [n_rows][n_cols], row stride `x_stride` floats
  int64_t x_stride;
  int64_t n_cols;
  int64_t row_begin;
  int64_t row_end;
  void* packed;  // bf16_bytes(n_rows, n_cols) bytes, 64-byte aligned; layout private
};
struct BGemmArgs {
  const PackedMatrix* w;  // kind kBF16; zeros fill the last 64 bytes of a group
  int64_t group_begin;
  int64_t group_end;
  const void* act;  // packed by bf16_round of the same table, same n_cols
  int64_t n_rows;   // activation rows (M)
  float* out;
  int64_t out_stride;
};

// ---- Attention ---------------------------------------------------------------------------------
enum class KvType : int { kF32, kF16, kBF16, kI16, kQ8_0, kQ4_0 };

// One KV head of one layer in one page, K and V each of any type:
//   F32, F16, BF16: the elements, rounded to nearest even.
//     K: [2][head_dim][16 tokens]  (lane = token), V: [32 tokens][head_dim]
//   I16: integers of at most 8191 with an f32 scale per token: d = amax / 8191,
//     q = rint(x · (8191 / amax)), amax < 1e-30 counting as 0. A token whose Σ |x| isn't finite
//     gets d = NaN and zeros. K: [2][n/2][16 tokens][2 dims] int16, n = head_dim rounded up to 16;
//     then scales [32] V: [16 pairs][n][2 tokens] int16, then scales [32]
//   Q8_0: int8 with an f32 scale per token and 32 dims (head_dim a multiple of 32): d = amax / 127,
//     q = rint(x · (127 / amax)), amax < 1e-30 counting as 0.
//     K: [2][head_dim/2][16 tokens][2 dims], then scales [2][head_dim/32][16]
//     V: [32 tokens][head_dim], then scales [32][head_dim/32]
//   Q4_0: the same with 7 for 127. A vector of n elements (the 32 of 16 tokens and 2 dims of K, 16
//     dims of a token of V) is n/2 bytes, element j in the low and n/2 + j in the high nibble, plus
//     8.
// Sizes: kv_head_bytes(type, head_dim) for K and the same for V, 64-byte aligned.
struct KvStoreArgs {
  KvType k_type;
  KvType v_type;
  const float* k;  // [head_dim]
  const float* v;  // [head_dim]
  int head_dim;
  int slot;      // token index within the page, 0…31
  void* k_page;  // this head's K and V areas of the page
  void* v_page;
};

// Softmax attention of `n_rows` query rows that share a KV head (heads of a group, or positions).
// Recipe per row: for each block of 256 keys aligned to absolute position, ascending, restricted to
// the visible keys j in [first[r], last[r]]:
//   K in F32, F16, BF16 (widened): t = 0; t = fma(q[i], k_j[i], t) ascending i; s_j = t · scale;
//   else, with (dq, qi) = fixed(q): t = float(i_0) · d_0, t = fma(float(i_b), d_b, t) for the
//     further scales b of key j, i_b = Σ qi · k_j over the dims of a scale; s_j = t · (dq · scale);
//   soft cap: s_j = cap · tanh32(s_j / cap)
//   m_b = max s_j; p_j = exp32(s_j - m_b); l_b = reduce16 over lanes j mod 16 of p_j;
//   V in I16: (dp, pi) = fixed(p_j > 0 ? p_j · d_j : 0 over the block);
//     o_b[i] = float(Σ_j pi_j · v_j[i]) · dp
//   else (widened; Q8_0 and Q4_0: d · q): o_b[i] = 0;
//     o_b[i] = fma(p_j, v_j[i], o_b[i]) ascending j
// merged: first block m = m_b, l = l_b, o = o_b; then m' = max(m, m_b), a = exp32(m - m'),
//   c = exp32(m_b - m'), l = l·a + l_b·c and o[i] = o[i]·a + o_b[i]·c (products rounded);
//   out = o / l.
// fixed(x): integers that fit 8191 and whose sum fits 250000, so that their products with integers
// of at most 8191 can't overflow an int32 (Σ |xi| ≤ 250000 + n/2, n ≤ 512):
//   S = reduce16 of |x|, lanes i or j mod 16; not finite: d = NaN and zeros; amax < 1e-30: d = 0
//   and zeros; else d = max(amax · (1/8191), S · (1/250000)), xi = rint(x · (1/d)).
struct KvPagePtr {
  const void* k;
  const void* v;
};
// What the single blocks [begin, end) give before they are merged, so that several threads can take
// a share of a long context each. Block b of row r is at
//   at + r · row_stride + (b - begin) · attention_block_floats(head_dim):
// o_b [head_dim rounded up to 16], then m_b and l_b; l_b = 0 where the row sees nothing of it.
struct AttentionBlocks {
  int32_t begin;
  int32_t end;
  float* at;  // 64-byte aligned
  int64_t row_stride;
};
struct AttentionArgs {
  KvType k_type;
  KvType v_type;
  const float* q;  // row r at q + r · q_stride, [head_dim], RoPE applied
  int64_t q_stride;
  int n_rows;
  const int32_t* first;    // first visible key position per row
  const int32_t* last;     // last visible key position per row, ≥ first
  const KvPagePtr* pages;  // pages[j / 32] holds key j; entries below min(first)/32 may be null
  int head_dim;            // multiple of 8, ≤ 512
  float scale;
  float soft_cap;  // 0 = none
  float* out;      // row r at out + r · out_stride
  int64_t out_stride;
  const AttentionBlocks* blocks;  // null, or: do these blocks alone, leave `out` as it is
  float* scratch;                 // attention_scratch(n_rows, head_dim) floats, 64-byte aligned
};

// Merges blocks [begin, end) of n_rows rows; each row sees something in one of them.
struct AttentionMergeArgs {
  AttentionBlocks blocks;
  int n_rows;
  int head_dim;
  float* out;
  int64_t out_stride;
  float* scratch;  // attention_block_floats(head_dim) floats, 64-byte aligned
};

// ---- Element-wise and row-wise ------------------------------------------------------------------
// y = (x · r) · (w + offset), r = 1 / sqrt(reduce16(Σ x²) / n + eps), squares accumulated by fma.
struct RmsNormArgs {
  const float* x;
  const float* weight;
  float weight_offset;  // 0, or 1 for checkpoints that store w - 1
  float eps;
  int64_t n;
  float* y;  // may be x
};

// Rotates the first n_rot elements of a head in place: a' = fma(a, cos, -(b·sin)),
// b' = fma(b, cos, a·sin). Pairs (a, b): (2i, 2i+1) when interleaved, else (i, i + n_rot/2).
struct RopeArgs {
  float* x;
  const float* cos;  // [n_rot / 2]
  const float* sin;
  int n_rot;
  int interleaved;  // 0 or 1
};

enum class GateActivation : int { kSilu, kGeluTanh };
// y = act(gate) · up. silu(g) = g / (1 + exp32(-g));
// gelu_tanh(g) = (0.5·g) · (1 + tanh32(0.79788456 · (g + ((0.044715·g)·g)·g))).
struct GateArgs {
  GateActivation activation;
  const float* gate;
  const float* up;
  int64_t n;
  float* y;
};

// exp32, tanh32: our own polynomials, the same operations on every ISA (docs/numerics.md gives
// them): error ≤ 1.0 and 1.2 ulp of f32; exp32(x) = 0 below -87.33, saturates above 88.37.

struct KernelTable {
  const char* isa;  // "ref", "avx2", "avx512", "avx512_bf16", "neon"
  // What qgemm has to choose from, the usual first; and what was chosen where every block of the
  // activations is fine, and where blocks are coarse.
  const GemmTiling* tilings;
  int n_tilings;
  GemmTilings fine, coarse;
  // Activation rows packed together.
  int64_t (*act_tile)(const GemmTiling* tiling, int64_t n_rows);
  size_t (*act_bytes)(int64_t n_rows, int64_t n_cols);  // with any tiling
  void (*act_quantize)(const ActQuantArgs*);
  void (*qgemm)(const QGemmArgs*);
  void (*fgemm)(const FGemmArgs*);
  size_t (*bf16_bytes)(int64_t n_rows, int64_t n_cols);
  void (*bf16_round)(const BF16RoundArgs*);
  void (*bgemm)(const BGemmArgs*);
  void (*kv_store)(const KvStoreArgs*);
  void (*attention)(const AttentionArgs*);
  void (*attention_merge)(const AttentionMergeArgs*);
  void (*rms_norm)(const RmsNormArgs*);
  void (*rope)(const RopeArgs*);
  void (*gate)(const GateArgs*);
  // x = H x / √n with the Walsh-Hadamard matrix H, its own inverse; n a power of two. Stages of
  // a + b, a - b at distances 1, 2, 4 …, then a product with float(1 / √n).
  void (*hadamard)(float* x, int n);
  void (*add)(float* y, const float* x, int64_t n);  // y += x
  void (*scale)(float* y, float factor, int64_t n);  // y *= factor
  void (*soft_cap)(float* y, float cap, int64_t n);  // y = cap · tanh32(y / cap)
  int64_t (*argmax)(const float* x, int64_t n);      // first of the largest; NaN never wins
};

size_t kv_head_bytes(KvType type, int head_dim);
size_t attention_scratch(int n_rows, int head_dim);
int64_t attention_block_floats(int head_dim);

}  // namespace slip
