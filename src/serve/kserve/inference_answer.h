// From pieces of answers to the responses of the KServe protocol.
#pragma once

#include <memory>

#include "serve/answer_group.h"
#include "serve/kserve/inference.h"
#include "serve/kserve/text_inference.h"
#include "serve/served_model.h"

namespace slip {

// One response when all choices have ended, or, of a stream, one for each piece and a final one,
// whose text is empty unless the client has been slow. `wanted` has the texts that went in.
// `group.n_choices` are those of all texts.
std::shared_ptr<AnswerGroup> inference_answer(TextInference wanted, const AnswerGroupOptions& group,
                                              std::shared_ptr<const ServedModel> model,
                                              std::shared_ptr<InferListener> listener);

}  // namespace slip
