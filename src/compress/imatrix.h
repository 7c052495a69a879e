// Importance matrices: how large the inputs of each weight matrix are, column by column, on a text.
// Read and written as llama.cpp's tools do: GGUF with general.type "imatrix", tensors NAME.in_sum2
// [n_cols] and NAME.counts [1] of F32, and the keys imatrix.datasets, .chunk_count and .chunk_size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace slip {

// Of one matrix [n_cols, n_rows]: Σ x² over the inputs x that it met, and how many these were.
struct InputSums {
  std::vector<double> squares;  // [n_cols]
  std::int64_t n_inputs = 0;
};

struct Imatrix {
  std::map<std::string, InputSums> sums;  // by the matrix's name ("blk.0.attn_q.weight")
  std::vector<std::string> datasets;      // names of the texts
  std::int64_t n_chunks = 0;              // windows of text …
  std::int64_t chunk_size = 0;            // … of so many tokens

  // The mean square of each input column of the matrix; empty where nothing is known of it. All 1
  // when it met no input.
  std::vector<float> importance(const std::string& tensor) const;
};

// Errors name the path: those of GgufFile::open; kInvalid for another kind of file, sums without
// counts, and values that are negative or not finite; kUnsupported for matrices of experts.
Result<Imatrix> read_imatrix(const std::filesystem::path& path);
// The file appears whole or not at all. kIo.
Result<> write_imatrix(const std::filesystem::path& path, const Imatrix& imatrix);

}  // namespace slip
