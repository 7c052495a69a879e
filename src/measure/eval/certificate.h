// What a model file says of its own quality: the record that `eval --certify` writes into its
// metadata (slipstream.quality.*). It is not signed: whoever can write the file can write anything.
// A hash ties it to the weights, so that it doesn't outlive a change of them by accident.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/metadata.h"
#include "base/result.h"
#include "formats/gguf.h"
#include "measure/evaluation.h"

namespace slip {

struct Certificate {
  std::string weights_hash;  // of the file that carries it
  std::string base_hash;     // the same of the base
  std::string base_file;     // its name
  std::string text_hash;     // of the text's bytes
  std::string arithmetic;    // "exact", or the bits of activations: "16", "mixed", "8"
  std::int64_t n_tokens = 0;
  std::int64_t n_windows = 0;
  double kl = 0;
  Interval kl_interval;  // of the mean, 95 %
  double kl_p99 = 0;
  double kl_max = 0;
  double top1_agreement = 0;
  double perplexity = 0;
  double base_perplexity = 0;
};

// "xxh3:…" of a text's bytes.
std::string text_hash(std::string_view text);

// "xxh3:…" over each tensor's name, type, shape and bytes, and over the metadata that the forward
// pass is computed from (general.architecture and the keys of that architecture): all of it is
// read. Not over the tokenizer, the chat template or other metadata.
std::string weights_hash(const GgufFile& file);
// Of a GGUF file, or a safetensors folder (tensors alone).
Result<std::string> weights_hash(const std::filesystem::path& model);

// What the metadata says. kNotFound without a record; kInvalid for one that lacks a key.
Result<Certificate> read_certificate(const Metadata& metadata);

// Writes the file again with the record, in place of an older one; tensors are streamed as they
// are. The file appears whole or stays as it was. Errors: those of opening and writing;
// kUnsupported for split files and folders; kInvalid when the weights' hash isn't the record's.
Result<> write_certificate(const std::filesystem::path& path, const Certificate& certificate);

// The largest mean KL divergence that is wanted, from "kl<=0.02". kInvalid for anything else.
Result<double> parse_quality(std::string_view text);

// Whether the file's record belongs to its weights (all of them are read), and the upper end of its
// interval is at most `max_kl`. Errors: kUnsupported for folders; kInvalid naming the file and what
// falls short.
Result<> require_quality(const std::filesystem::path& path, double max_kl);

}  // namespace slip
