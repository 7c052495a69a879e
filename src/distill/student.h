// The model that is trained, as plain numbers: from a file, with layers left out, or new.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/result.h"
#include "model/config.h"

namespace slip {

// `shape` in GGUF order (columns first): one number for a norm, {n_in, n_out} for a matrix.
struct Parameter {
  std::string name;  // GGUF's: "blk.0.attn_q.weight"
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

// Metadata and config say the same; parameters are all of the decoder, in the order of
// parameter_specs().
struct Student {
  Metadata metadata;
  ModelConfig config;
  std::vector<Parameter> parameters;
};

// Names and shapes of a decoder's parameters, without values. `is_tied`: the embedding table is the
// output matrix too.
std::vector<Parameter> parameter_specs(const ModelConfig& config, bool is_tied);

// Reads a GGUF file and decodes its weights to f32, without the layers `drop` (any order; the rest
// moves up). kUnsupported for what Network doesn't compute: biases, norms of heads, sandwich norms,
// soft caps, sliding windows, scales other than 1, activations other than SiLU.
Result<Student> load_student(const std::filesystem::path& path, std::span<const std::int64_t> drop);

// Random weights (normal, 0.02; what is added to the residual stream 0.02/sqrt(2·layers), as GPT-2;
// norms 1) in `shape`: "layers=4,width=192,heads=3,kv-heads=3,ffn=512". Vocabulary, tokenizer, RoPE
// and what else there is come from the file at `vocabulary`; the embedding table is tied.
Result<Student> random_student(const std::filesystem::path& vocabulary, std::string_view shape,
                               std::uint64_t seed);

// F16, norms F32; as a whole or not at all. kInvalid when a weight is beyond F16, or no number.
Result<> write_student(const Student& student, const std::filesystem::path& path);

}  // namespace slip
