// Calls of functions in what a model writes, taken out while the text still comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slip {

// How a model family writes its calls.
enum class ToolFormat {
  // Hermes, Qwen 2.5 and 3, …: <tool_call>{"name": …, "arguments": {…}}</tool_call>, repeated
  // (https://github.com/NousResearch/Hermes-Function-Calling).
  kHermes,
  // Llama 3.1 to 3.3: the answer is {"name": …, "parameters": {…}}, several separated by ';',
  // perhaps behind <|python_tag|> (Meta's model card, "JSON based tool calling").
  kLlama3,
  // Mistral: [TOOL_CALLS][{"name": …, "arguments": {…}}, …] (mistral-common, v3 and v7 tokenizers).
  kMistral,
};

// By the template's text; none when it has no use for tools.
std::optional<ToolFormat> tool_format(std::string_view chat_template);
// The control tokens that are part of the format, which a detokenizer would leave out.
std::vector<std::string_view> tool_marks(ToolFormat format);

// What came to light. A call's first event has its name, and perhaps arguments; those that follow
// have pieces of its arguments, which are JSON as the model wrote it.
struct ToolEvent {
  enum class Kind { kText, kCall, kArguments };
  Kind kind = Kind::kText;
  std::size_t call = 0;  // rank in the answer
  std::string name = {};
  std::string text = {};  // text, or arguments
};

// The fields of one call's JSON object, character by character.
class CallScanner {
 public:
  // Takes `c`; false when it can't be part of a call. Not to be called when is_complete().
  bool push(char c);
  bool is_complete() const { return state_ == State::kDone; }
  // The name, as soon as it is known and before arguments are given out.
  const std::optional<std::string>& name() const { return name_; }
  // The arguments that came since the last take; empty before the name is known.
  std::string take_arguments();

 private:
  enum class State { kStart, kKey, kColon, kValue, kInValue, kComma, kDone };
  bool push_structure(char c);
  bool push_value(char c);
  void end_value();

  State state_ = State::kStart;
  std::string key_, value_;
  std::size_t depth_ = 0;
  bool in_string_ = false, escaped_ = false;
  std::optional<std::string> name_;
  std::string arguments_;
  std::size_t n_given_ = 0;
};

// One answer; not thread-safe. What turns out not to be a call is text.
class ToolCallParser {
 public:
  enum class Calls { kOne, kMany };
  ToolCallParser(ToolFormat format, Calls calls) : format_(format), calls_(calls) {}

  std::vector<ToolEvent> push(std::string_view text);
  // The answer is complete.
  std::vector<ToolEvent> finish();
  std::size_t n_calls() const { return n_calls_; }

 private:
  enum class State {
    kText,     // a mark may come
    kBetween,  // calls may come, or the end of them
    kCall,
    kAfter,  // behind the last call: nothing is of use
  };
  void step(char c, std::vector<ToolEvent>& events);
  void find_mark(char c, std::vector<ToolEvent>& events);
  void between(char c, std::vector<ToolEvent>& events);
  void in_call(char c, std::vector<ToolEvent>& events);
  void begin_call(char c, std::vector<ToolEvent>& events);
  void give_up(std::vector<ToolEvent>& events);

  const ToolFormat format_;
  const Calls calls_;
  State state_ = State::kText;
  bool at_start_ = true;  // nothing but white space yet
  std::string held_;      // what may become a mark or a call, or is text after all
  CallScanner scanner_;
  bool announced_ = false;
  std::size_t n_calls_ = 0;
};

}  // namespace slip
