#include "net/io/tls.h"

#include <openssl/ssl.h>

namespace slip {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

std::unique_ptr<TlsContext> new_context(ssl::context::method method) {
  auto context = std::make_unique<TlsContext>(method);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // A connection that waits needs no buffers: thousands of streams do little else.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<> check_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail(ErrorKind::kNotFound, "{}: there is no such file", path.string());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<TlsContext>> server_tls(const std::filesystem::path& certificate,
                                               const std::filesystem::path& key) {
  SLIP_TRY(check_file(certificate));
  SLIP_TRY(check_file(key));
  auto context = new_context(ssl::context::tls_server);
  error_code error;
  context->use_certificate_chain_file(certificate.string(), error);
  if (error) {
    return invalid("{}: expected a certificate in PEM form: {}", certificate.string(),
                   error.message());
  }
  context->use_private_key_file(key.string(), ssl::context::pem, error);
  if (error) {
    return invalid("{}: expected the private key of {} in PEM form: {}", key.string(),
                   certificate.string(), error.message());
  }
  return context;
}

Result<std::unique_ptr<TlsContext>> client_tls(const std::filesystem::path& ca_file) {
  auto context = new_context(ssl::context::tls_client);
  error_code error;
  context->set_verify_mode(ssl::verify_peer, error);
  if (ca_file.empty()) {
    context->set_default_verify_paths(error);
    return context;
  }
  SLIP_TRY(check_file(ca_file));
  context->load_verify_file(ca_file.string(), error);
  if (error) {
    return invalid("{}: expected certificates in PEM form: {}", ca_file.string(), error.message());
  }
  return context;
}

std::unique_ptr<TlsContext> client_tls_unverified() {
  return new_context(ssl::context::tls_client);
}

}  // namespace slip
