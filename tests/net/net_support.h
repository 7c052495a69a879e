// A server for a test, and clients that do what no well-behaved client does.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "net/client.h"
#include "net/server.h"

namespace slip::test {

// Long enough for the slowest machine under a sanitizer: only a failing test waits that long.
inline constexpr int kPatienceMs = 30'000;

// Polls until it holds.
inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < kPatienceMs; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

// A blocking TCP socket.
class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port);
  explicit RawSocket(int fd);
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawSocket();

  // False when the other side has closed.
  bool send(std::string_view bytes);
  // Some bytes; empty at the end of the connection, and when nothing comes.
  std::string receive();
  // Until the text has come, or the connection ends.
  std::string receive_until(std::string_view text);
  // Until the connection ends.
  std::string receive_all() { return receive_until({}); }
  void end_sending();
  void close();
  // Closes with a reset instead of the usual farewell.
  void reset();
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Accepts connections on a port of its own.
class RawListener {
 public:
  RawListener();
  ~RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  std::uint16_t port() const { return port_; }
  RawSocket accept();

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

// On any free port; a failure to start throws, and fails the test.
std::unique_ptr<Server> start_server(Handler handler, ServerOptions options = {});
inline std::string url_of(const Server& server, std::string_view scheme = "http") {
  return fmt::format("{}://127.0.0.1:{}", scheme, server.port());
}

// A GET, with the Host that HTTP/1.1 asks for.
std::string get_request(std::string_view path, std::string_view more_headers = {});

// A certificate for 127.0.0.1 and localhost that signs itself, as PEM files in the folder.
TlsFiles make_certificate(const std::filesystem::path& folder);

// Resident memory of this process.
std::size_t resident_bytes();

}  // namespace slip::test
