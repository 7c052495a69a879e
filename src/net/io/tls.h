// TLS as both ends set it up (OpenSSL).
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>

#include "base/result.h"

namespace slip {

using TlsContext = boost::asio::ssl::context;

// TLS 1.2 and later. `certificate` is a PEM file with the server's certificate and those between it
// and a root, `key` one with its private key. kNotFound; kInvalid for what OpenSSL doesn't accept.
Result<std::unique_ptr<TlsContext>> server_tls(const std::filesystem::path& certificate,
                                               const std::filesystem::path& key);

// Verifies servers against the system's roots, or against `ca_file` when it isn't empty.
Result<std::unique_ptr<TlsContext>> client_tls(const std::filesystem::path& ca_file);
// Takes any server's word.
std::unique_ptr<TlsContext> client_tls_unverified();

}  // namespace slip
