#include "cli/conversation.h"

#include <boost/json/value.hpp>

#include "base/os/atomic_file.h"
#include "formats/json.h"
#include "text/json_writer.h"

namespace slip {

Result<> save_conversation(const std::filesystem::path& path, const std::string& model,
                           const std::vector<Message>& messages) {
  JsonWriter json;
  json.begin_object().key("model").string(model).key("messages").begin_array();
  for (const Message& message : messages) {
    json.begin_object().key("role").string(message.role);
    json.key("content").string(message.content).end_object();
  }
  json.end_array().end_object();
  auto file = SLIP_TRY(AtomicFile::create(path, 0600));
  SLIP_TRY(file.write(json.take()));
  return file.commit();
}

Result<std::vector<Message>> load_conversation(const std::filesystem::path& path) {
  const boost::json::value document = SLIP_TRY(read_json(path));
  if (!document.is_object()) return invalid("{}: expected a JSON object", path.string());
  const JsonView view(document.get_object(), path.string());
  std::vector<Message> messages;
  for (const JsonView& item : SLIP_TRY(view.objects("messages"))) {
    Message message;
    message.role = SLIP_TRY(item.string("role"));
    message.content = SLIP_TRY(item.string("content"));
    if (message.role != "system" && message.role != "user" && message.role != "assistant") {
      return invalid("{}: role: expected system, user or assistant, got '{}'", path.string(),
                     message.role);
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace slip
