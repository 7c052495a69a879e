// JSON → template values.
#pragma once

#include <boost/json/value.hpp>

#include "text/template/value.h"

namespace slip::tmpl {

// Objects keep their order; unsigned integers above 2^63 become doubles.
Value to_value(const boost::json::value& json);

}  // namespace slip::tmpl
