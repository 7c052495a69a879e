#include "text/template/json_value.h"

namespace slip::tmpl {

Value to_value(const boost::json::value& json) {
  switch (json.kind()) {
    case boost::json::kind::null:
      return Value(nullptr);
    case boost::json::kind::bool_:
      return Value(json.get_bool());
    case boost::json::kind::int64:
      return Value(json.get_int64());
    case boost::json::kind::uint64:
      return Value(static_cast<double>(json.get_uint64()));
    case boost::json::kind::double_:
      return Value(json.get_double());
    case boost::json::kind::string: {
      const boost::json::string& text = json.get_string();
      return Value(std::string(text.data(), text.size()));
    }
    case boost::json::kind::array: {
      ValueList items;
      for (const auto& item : json.get_array()) items.push_back(to_value(item));
      return Value::list(std::move(items));
    }
    case boost::json::kind::object:
      break;
  }
  auto dict = std::make_shared<Dict>();
  for (const auto& entry : json.get_object()) {
    dict->set(std::string_view(entry.key().data(), entry.key().size()), to_value(entry.value()));
  }
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

}  // namespace slip::tmpl
