#include "formats/safetensors_header.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <limits>
#include <optional>
#include <unordered_set>

#include "formats/shown.h"

namespace slip {
namespace {

namespace json = boost::json;

// Far beyond any model's; bounds what a hostile header can make us hold for one tensor.
constexpr std::size_t kMaxDims = 8;

// Receives the parser's events. The header has three levels:
//   {"__metadata__": {key: text}, name: {"dtype": text, "shape": [n…], "data_offsets": [n, n]}}
class Handler {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  SafetensorsHeader header;
  std::string problem;  // empty when the parser itself found the fault

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& error) {
    if (level_ == Level::kOutside) {
      level_ = Level::kRoot;
    } else if (level_ == Level::kRoot && key_ == "__metadata__") {
      level_ = Level::kMetadata;
    } else if (level_ == Level::kRoot) {
      level_ = Level::kTensor;
      header.entries.push_back({.name = key_, .dtype = {}, .shape = {}});
      fields_ = {};
    } else {
      return reject("an object", error);
    }
    return true;
  }

  bool on_object_end(std::size_t, json::error_code& error) {
    if (level_ == Level::kTensor && !(fields_.dtype && fields_.shape && fields_.offsets)) {
      problem = fmt::format("tensor {}: expected dtype, shape and data_offsets, got less",
                            shown(header.entries.back().name));
      return stop(error);
    }
    level_ = level_ == Level::kRoot ? Level::kOutside : Level::kRoot;
    return true;
  }

  bool on_array_begin(json::error_code& error) {
    if (level_ != Level::kTensor || (key_ != "shape" && key_ != "data_offsets")) {
      return reject("an array", error);
    }
    level_ = key_ == "shape" ? Level::kShape : Level::kOffsets;
    n_items_ = 0;
    return true;
  }

  bool on_array_end(std::size_t, json::error_code& error) {
    if (level_ == Level::kOffsets && n_items_ != 2)
      return reject("an array of another size", error);
    level_ = Level::kTensor;
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    partial_.append(part.data(), part.size());
    return true;
  }

  bool on_key(json::string_view part, std::size_t, json::error_code& error) {
    key_ = take_text(part);
    if (level_ == Level::kTensor) return start_field(error);
    auto& seen = level_ == Level::kMetadata ? metadata_keys_ : names_;
    if (seen.insert(key_).second) return true;
    problem = fmt::format("key {}: expected once, got a second one", shown(key_));
    return stop(error);
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    partial_.append(part.data(), part.size());
    return true;
  }

  bool on_string(json::string_view part, std::size_t, json::error_code& error) {
    std::string text = take_text(part);
    if (level_ == Level::kMetadata) {
      header.metadata.emplace_back(key_, std::move(text));
    } else if (level_ == Level::kTensor && key_ == "dtype") {
      header.entries.back().dtype = std::move(text);
    } else {
      return reject("a string", error);
    }
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code& error) {
    if (value < 0) return reject("a negative number", error);
    return on_item(value, error);
  }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code& error) {
    return reject("a number above 2^63 - 1", error);  // smaller ones come as int64
  }
  bool on_double(double, json::string_view, json::error_code& error) {
    return reject("a fraction or too large a number", error);
  }
  bool on_bool(bool, json::error_code& error) { return reject("a boolean", error); }
  bool on_null(json::error_code& error) { return reject("null", error); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  enum class Level { kOutside, kRoot, kMetadata, kTensor, kShape, kOffsets };
  struct Fields {
    bool dtype = false, shape = false, offsets = false;
  };

  static bool stop(json::error_code& error) {
    error = json::error::syntax;
    return false;
  }

  bool reject(const char* got, json::error_code& error) {
    switch (level_) {
      case Level::kOutside:
        problem = "expected an object of tensors";
        break;
      case Level::kMetadata:
        problem = fmt::format("__metadata__ {}: expected a string", shown(key_));
        break;
      case Level::kRoot:
        problem = fmt::format("tensor {}: expected an object", shown(key_));
        break;
      default:
        problem = fmt::format("tensor {}: {}: expected {}", shown(header.entries.back().name), key_,
                              expected_field());
    }
    problem += fmt::format(", got {}", got);
    return stop(error);
  }

  const char* expected_field() const {
    if (key_ == "dtype") return "a string";
    return key_ == "shape" ? "at most 8 sizes of 0 … 2^63 - 1" : "two offsets of 0 … 2^63 - 1";
  }

  bool start_field(json::error_code& error) {
    bool* field = key_ == "dtype"          ? &fields_.dtype
                  : key_ == "shape"        ? &fields_.shape
                  : key_ == "data_offsets" ? &fields_.offsets
                                           : nullptr;
    if (field != nullptr && !*field) {
      *field = true;
      return true;
    }
    problem = fmt::format("tensor {}: expected dtype, shape and data_offsets once each, got {}{}",
                          shown(header.entries.back().name), field ? "another " : "", shown(key_));
    return stop(error);
  }

  bool on_item(std::int64_t value, json::error_code& error) {
    if (level_ == Level::kShape && n_items_ < kMaxDims) {
      header.entries.back().shape.push_back(value);
    } else if (level_ == Level::kOffsets && n_items_ < 2) {
      SafetensorsEntry& entry = header.entries.back();
      (n_items_ == 0 ? entry.begin : entry.end) = static_cast<std::uint64_t>(value);
    } else {
      const bool in_list = level_ == Level::kShape || level_ == Level::kOffsets;
      return reject(in_list ? "more" : "a number", error);
    }
    ++n_items_;
    return true;
  }

  std::string take_text(json::string_view last) {
    std::string text = std::move(partial_);
    partial_.clear();
    text.append(last.data(), last.size());
    return text;
  }

  Level level_ = Level::kOutside;
  std::string key_;
  std::string partial_;
  Fields fields_;
  std::size_t n_items_ = 0;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> metadata_keys_;
};

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::string_view text) {
  json::basic_parser<Handler> parser{json::parse_options()};
  json::error_code error;
  const std::size_t n_read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && n_read < text.size()) error = json::error::extra_data;
  if (!error) return std::move(parser.handler().header);
  if (!parser.handler().problem.empty()) return invalid("header: {}", parser.handler().problem);
  return invalid("header: byte {}: expected JSON, got {}", n_read, error.message());
}

}  // namespace slip
