// The one place where Asio's and its TLS streams' functions are compiled
// (BOOST_ASIO_SEPARATE_COMPILATION): whoever includes them elsewhere gets declarations.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
