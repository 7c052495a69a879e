#include "serve/kserve/inference_answer.h"

#include <utility>

namespace slip {
namespace {

class InferenceAnswer final : public AnswerGroup {
 public:
  InferenceAnswer(TextInference wanted, const AnswerGroupOptions& options,
                  std::shared_ptr<const ServedModel> model, std::shared_ptr<InferListener> listener)
      : AnswerGroup(options),
        wanted_(std::move(wanted)),
        model_(std::move(model)),
        listener_(std::move(listener)),
        choices_(options.n_choices) {
    if (!wanted_.with_input) return;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      choices_[i].text = wanted_.texts[i / options.n_per_prompt];
    }
  }

 private:
  struct Choice {
    std::string text;  // that wasn't sent
    FinishReason reason = FinishReason::kStop;
    std::int64_t n_prompt = 0;
    std::int64_t n_generated = 0;
  };

  Answer add(std::size_t choice, AnswerPiece piece) override {
    choices_[choice].text += piece.text;
    if (wanted_.stream && !listener_->is_slow()) send_piece();
    return listener_->is_gone() ? Answer::kCancel : Answer::kGoOn;
  }

  // A stream has one choice.
  void send_piece() {
    std::string text = std::exchange(choices_[0].text, {});
    InferResponse response{.outputs = {}, .is_final = false};
    response.outputs.push_back({.name = "text_output",
                                .datatype = "BYTES",
                                .shape = wanted_.output_shape,
                                .texts = {std::move(text)}});
    listener_->on_response(std::move(response));
  }

  void complete(std::size_t choice, const RequestEnd& end) override {
    Choice& c = choices_[choice];
    c.reason = end.reason;
    c.n_prompt = end.n_prompt;
    c.n_generated = end.n_generated;
  }

  InferTensor output(const std::string& name) {
    InferTensor tensor{.name = name, .datatype = "BYTES", .shape = wanted_.output_shape};
    for (const TensorSpec& spec : kOutputTensors) {
      if (name == spec.name) tensor.datatype = spec.datatype;
    }
    for (Choice& c : choices_) {
      if (name == "text_output") {
        tensor.texts.push_back(std::move(c.text));
      } else if (name == "finish_reason") {
        tensor.texts.emplace_back(to_string(c.reason));
      } else {
        tensor.numbers.push_back(name == "num_input_tokens" ? c.n_prompt : c.n_generated);
      }
    }
    return tensor;
  }

  void respond(const AnswerSummary& usage) override {
    InferResponse response{.outputs = {}, .usage = usage};
    for (const std::string& name : wanted_.outputs) response.outputs.push_back(output(name));
    listener_->on_response(std::move(response));
  }

  void fail(const ApiError& error) override { listener_->on_error(error); }
  bool client_is_gone() const override { return listener_->is_gone(); }
  void abandoned() override {
    listener_->on_error({.status = 499, .message = "the client has left"});
  }

  const TextInference wanted_;
  const std::shared_ptr<const ServedModel> model_;  // lives as long as the answer
  const std::shared_ptr<InferListener> listener_;
  std::vector<Choice> choices_;
};

}  // namespace

std::shared_ptr<AnswerGroup> inference_answer(TextInference wanted, const AnswerGroupOptions& group,
                                              std::shared_ptr<const ServedModel> model,
                                              std::shared_ptr<InferListener> listener) {
  return std::make_shared<InferenceAnswer>(std::move(wanted), group, std::move(model),
                                           std::move(listener));
}

}  // namespace slip
