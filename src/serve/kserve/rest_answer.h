// Responses of the KServe protocol over HTTP.
#pragma once

#include <memory>

#include "serve/call.h"
#include "serve/kserve/inference.h"
#include "serve/kserve/rest_messages.h"

namespace slip {

// JSON, with binary data behind it where that was asked for.
std::shared_ptr<InferListener> rest_infer_answer(std::shared_ptr<Call> call,
                                                 RestInferRequest asked);
// One JSON object.
std::shared_ptr<InferListener> rest_generate_answer(std::shared_ptr<Call> call, InferRequest asked);
// Server-sent events, each a JSON object; the stream's end is the last one's.
std::shared_ptr<InferListener> rest_stream_answer(std::shared_ptr<Call> call, InferRequest asked);

}  // namespace slip
