// The answer to one request as a whole, which may have several choices.
#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "serve/answer.h"
#include "serve/api_error.h"
#include "serve/log_entry.h"

namespace slip {

struct AnswerGroupOptions {
  std::size_t n_choices = 1;
  std::size_t n_per_prompt = 1;  // choices that share a prompt, whose tokens count once
  std::int64_t received_ns = 0;  // when the request came
  Metrics* metrics = nullptr;    // outlives the answer; may be null
};

// Counts what has ended, and turns the first failure into the only one. Thread-safe.
class AnswerGroup : public AnswerListener {
 public:
  explicit AnswerGroup(const AnswerGroupOptions& options) : group_(options) {}

  const AnswerGroupOptions& group() const { return group_; }
  // All choices have been submitted: a stream begins, unless it has.
  void begin();
  // Some could not be submitted: what comes of the others is dropped.
  void abandon(const ApiError& error);

  Answer on_piece(std::size_t choice, AnswerPiece piece) final;
  void on_end(std::size_t choice, const RequestEnd& end) final;

 protected:
  // Called by one thread at a time.
  virtual void start() {}
  virtual Answer add(std::size_t choice, AnswerPiece piece) = 0;
  // A choice has ended well.
  virtual void complete(std::size_t choice, const RequestEnd& end) = 0;
  // All have.
  virtual void respond(const AnswerSummary& usage) = 0;
  // Something has failed; nothing comes behind it.
  virtual void fail(const ApiError& error) = 0;
  // Whether there is nobody any more to tell; then abandoned() is called in place of fail().
  virtual bool client_is_gone() const = 0;
  virtual void abandoned() = 0;

 private:
  void count(const ApiError* error) const;

  const AnswerGroupOptions group_;
  std::mutex mutex_;
  AnswerSummary usage_;
  std::size_t n_ended_ = 0;
  bool failed_ = false;
};

// "stop" or "length", which is also what ends early.
std::string_view finish_reason_name(FinishReason reason);

}  // namespace slip
