// Asks a model a question and prints the answer as it comes.
#include <slipstream/slipstream.h>

#include <cstdio>
#include <iostream>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: hello MODEL [QUESTION]\n";
    return 2;
  }
  auto model = slipstream::Model::load(argv[1]);
  if (!model) {
    std::cerr << model.error().message << '\n';
    return 1;
  }
  const std::string question = argc > 2 ? argv[2] : "What is the capital of France?";
  const auto answer =
      model->chat({{"user", question}}, {.max_tokens = 200, .on_text = [](std::string_view text) {
                                           std::cout << text << std::flush;
                                           return true;
                                         }});
  if (!answer) {
    std::cerr << answer.error().message << '\n';
    return 1;
  }
  std::cout << '\n';
  std::fprintf(stderr, "%.1f tokens/s\n", answer->decode_tokens_per_second);
  return 0;
}
