#include "net/exchange.h"

#include <utility>

#include "base/check.h"

namespace slip {

Exchange::Exchange(Options options) : options_(std::move(options)) {}

void Exchange::add_header(std::string_view name, std::string_view value) {
  const std::lock_guard lock(mutex_);
  SLIP_CHECK(state_ == State::kOpen);
  extra_headers_.add(name, value);
}

void Exchange::start_locked(Head head) {
  SLIP_CHECK(state_ == State::kOpen);
  head.headers.append(extra_headers_);
  head_ = std::move(head);
}

void Exchange::respond(int status, Content content) {
  const std::lock_guard lock(mutex_);
  Head head{.status = status, .headers = {}, .content_length = content.body.size()};
  if (!content.type.empty()) head.headers.add("Content-Type", content.type);
  start_locked(std::move(head));
  state_ = State::kComplete;
  if (!options_.is_head) pending_ = std::move(content.body);
  wake_locked();
}

void Exchange::fail(int status, std::string_view message) {
  respond(status, (*options_.error_body)(
                      {.status = status, .message = message, .target = options_.target}));
}

void Exchange::start_stream(int status, std::string_view media_type,
                            ResponseWriter::KeepAlive keep_alive) {
  const std::lock_guard lock(mutex_);
  const bool pings = keep_alive == ResponseWriter::KeepAlive::kPings;
  start_locked({.status = status,
                .headers = {{"Content-Type", std::string(media_type)}},
                .content_length = std::nullopt,
                .wants_pings = pings});
  state_ = options_.is_head ? State::kComplete : State::kStreaming;
  wake_locked();
}

SendStatus Exchange::send(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (end_ != End::kNone || state_ == State::kAborted || options_.is_head) return SendStatus::kGone;
  SLIP_CHECK(state_ == State::kStreaming);
  const std::size_t n_queued = pending_.size() + n_taken_;
  if (n_queued > 0 && n_queued + bytes.size() > options_.max_queued_bytes) return SendStatus::kFull;
  pending_ += bytes;
  wake_locked();
  return SendStatus::kQueued;
}

void Exchange::finish() {
  const std::lock_guard lock(mutex_);
  if (end_ != End::kNone || state_ == State::kAborted || options_.is_head) return;
  SLIP_CHECK(state_ == State::kStreaming);
  state_ = State::kComplete;
  wake_locked();
}

void Exchange::cut_off() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kComplete) return;
  state_ = State::kAborted;
  wake_locked();
}

void Exchange::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (end_ != End::kNone || state_ == State::kComplete || state_ == State::kAborted) return;
    if (state_ == State::kStreaming) {
      state_ = State::kAborted;
      wake_locked();
      return;
    }
  }
  fail(500, "the request was not answered");
}

void Exchange::on_disconnect(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (end_ == End::kNone) on_disconnect_.swap(callback);  // the one before dies unlocked
    if (end_ != End::kLeft) return;
  }
  callback();
}

bool Exchange::is_gone() const {
  const std::lock_guard lock(mutex_);
  return end_ == End::kLeft || options_.is_head;
}

std::size_t Exchange::n_queued_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_.size() + n_taken_;
}

void Exchange::wake_locked() {
  if (end_ != End::kNone || wake_pending_) return;
  wake_pending_ = true;
  options_.wake();
}

Exchange::Output Exchange::take() {
  const std::lock_guard lock(mutex_);
  wake_pending_ = false;
  Output output{.head = std::exchange(head_, std::nullopt),
                .body = std::exchange(pending_, {}),
                .complete = state_ == State::kComplete,
                .aborted = state_ == State::kAborted};
  n_taken_ = output.body.size();
  return output;
}

void Exchange::taken_is_sent() {
  const std::lock_guard lock(mutex_);
  n_taken_ = 0;
}

std::function<void()> Exchange::end(End reason) {
  const std::lock_guard lock(mutex_);
  if (end_ == End::kNone) end_ = reason;
  pending_ = {};
  n_taken_ = 0;
  return std::exchange(on_disconnect_, nullptr);
}

void Exchange::leave() {
  const auto callback = end(End::kLeft);
  if (callback) callback();
}

void Exchange::close() {
  end(End::kSent);
}

}  // namespace slip
