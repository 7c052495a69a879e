// What a KServe request wants of a language model.
#pragma once

#include <string>
#include <vector>

#include "serve/generation_options.h"
#include "serve/kserve/inference.h"

namespace slip {

struct TextInference {
  std::vector<std::string> texts;
  std::vector<GenerationOptions> options;  // one for each text, all with the same n
  std::vector<std::int64_t> output_shape;
  std::vector<std::string> outputs;  // names of kOutputTensors, in the order of the response
  bool stream = false;
  bool with_input = false;      // the text that comes out begins with the one that went in
  std::int64_t timeout_us = 0;  // for the whole answer; 0: none
};

// Checks tensors and parameters, of which all must be known. Parameters are sampling parameters
// under their names of the OpenAI API, those named like an input tensor, and `timeout`. The tensor
// sampling_parameters, a JSON object for all texts or one for each, goes before. `defaults` hold
// for what is left out.
Reply<TextInference> parse_text_inference(InferRequest request, const SamplingParams& defaults);

}  // namespace slip
