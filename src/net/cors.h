// Cross-origin requests: what lets a web page of another origin call the server (WHATWG Fetch
// standard, section 3.2 "CORS protocol").
#pragma once

#include <string>

#include "net/request.h"
#include "net/response_writer.h"

namespace slip {

// Adds the fields of the protocol to the response of a request that has an Origin, and answers
// preflight requests. `origin` is the one that may call: "https://chat.example", "*" for all.
// True when the request was a preflight, which is answered then.
bool answer_cors(const std::string& origin, const HttpRequest& request, ResponseWriter& writer);

}  // namespace slip
