// The description of the server's routes, for tools that read OpenAPI (version 3.1).
#pragma once

#include <string_view>

namespace slip {

// JSON; the file openapi.json.
std::string_view openapi_document();

}  // namespace slip
