#include "net/response_writer.h"

#include <exception>
#include <utility>

#include "net/exchange.h"

namespace slip {

// What the copies share: its end is the end of the last one.
class ResponseWriter::Handle {
 public:
  explicit Handle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~Handle() {
    try {
      exchange_->abandon();
    } catch (const std::exception&) {  // no memory for an error body
      exchange_->cut_off();
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Exchange& exchange() const { return *exchange_; }

 private:
  std::shared_ptr<Exchange> exchange_;
};

ResponseWriter::ResponseWriter(std::shared_ptr<Exchange> exchange)
    : handle_(std::make_shared<Handle>(std::move(exchange))) {}

Exchange& ResponseWriter::exchange() const {
  return handle_->exchange();
}

void ResponseWriter::add_header(std::string_view name, std::string_view value) {
  exchange().add_header(name, value);
}

void ResponseWriter::respond(int status, Content content) {
  exchange().respond(status, std::move(content));
}

void ResponseWriter::fail(int status, std::string_view message) {
  exchange().fail(status, message);
}

void ResponseWriter::start_stream(int status, std::string_view media_type, KeepAlive keep_alive) {
  exchange().start_stream(status, media_type, keep_alive);
}

void ResponseWriter::start_events() {
  add_header("Cache-Control", "no-cache");
  add_header("X-Accel-Buffering", "no");  // nginx would collect the events
  start_stream(200, "text/event-stream", KeepAlive::kPings);
}

SendStatus ResponseWriter::send(std::string_view bytes) {
  return exchange().send(bytes);
}

SendStatus ResponseWriter::send(const SseEvent& event) {
  std::string bytes;
  append_sse(bytes, event);
  return exchange().send(bytes);
}

void ResponseWriter::finish() {
  exchange().finish();
}

void ResponseWriter::cut_off() {
  exchange().cut_off();
}

void ResponseWriter::on_disconnect(std::function<void()> callback) {
  exchange().on_disconnect(std::move(callback));
}

bool ResponseWriter::is_gone() const {
  return exchange().is_gone();
}

std::size_t ResponseWriter::n_queued_bytes() const {
  return exchange().n_queued_bytes();
}

}  // namespace slip
