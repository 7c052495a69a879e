// Schemas that must hold together, as one.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slip::grammar {

// What says nothing about values.
bool is_annotation(std::string_view keyword);

// A schema that holds where `a` and `b` both do. Neither may have $ref or allOf. Errors name the
// keyword, below `path`, that can't be merged.
Result<boost::json::object> merge_schemas(const boost::json::object& a,
                                          const boost::json::object& b, const std::string& path);

}  // namespace slip::grammar
