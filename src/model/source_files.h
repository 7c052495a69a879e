// The two kinds of ModelSource; callers go through open_model (source.h).
#pragma once

#include <filesystem>
#include <memory>

#include "formats/gguf.h"
#include "formats/hf_folder.h"
#include "model/families/family.h"
#include "model/source.h"

namespace slip {

// Errors of both lack the path, which open_model adds.
Result<std::unique_ptr<ModelSource>> source_from_gguf(GgufFile file);
Result<std::unique_ptr<ModelSource>> source_from_hf(HfFolder folder);

// The sampling hints under the names that a file format has for them. kInvalid, naming the key, for
// values of another type.
struct SamplingKeys {
  const char* temperature;
  const char* top_k;
  const char* top_p;
  const char* min_p;
  const char* typical_p;
  const char* repeat_penalty;
  const char* penalty_window;  // null: the format has none
};
Result<SamplingHints> read_sampling(const Metadata& fields, const SamplingKeys& keys);

// config.json as metadata: nested objects joined with dots, nulls and arrays of objects left out,
// whole numbers as i64 whichever way they are written.
Metadata flatten_json(const boost::json::object& object);

}  // namespace slip
