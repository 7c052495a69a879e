#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/os/sockets.h"

namespace slip {

void give_up_silent_peer(int fd, std::int64_t timeout_ms) {
  const auto set = [fd](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
  };
  const int seconds = static_cast<int>(std::max<std::int64_t>(timeout_ms / 1000, 1));
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  // tcp(7): idle until the first probe, between probes, and probes until it is given up.
  set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(seconds / 3, 1));
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
}

std::size_t raise_open_files_limit(std::size_t n) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return n;
  if (limit.rlim_cur >= n) return limit.rlim_cur;
  struct rlimit wanted = limit;
  wanted.rlim_cur = std::min<rlim_t>(n, limit.rlim_max);
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0 ? wanted.rlim_cur : limit.rlim_cur;
}

}  // namespace slip
