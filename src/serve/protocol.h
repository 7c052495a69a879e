// What a file in serve/protocols/ offers.
#pragma once

#include <string_view>
#include <vector>

#include "serve/routes.h"

namespace slip {

// A way of asking. Each file of serve/protocols/ defines one as protocols_<file name>().
struct Protocol {
  std::string_view name;
  // The context outlives the routes.
  void (*add_routes)(Routes& routes, ServeContext& context);
  ErrorText error_text = to_json;
  // Of paths: what nobody answers below it is an error in this protocol's form.
  std::string_view prefix = {};
};

// All of them, by file name.
std::vector<const Protocol*> protocols();

}  // namespace slip
