#include "cli/load_options.h"

#include "cli/option_values.h"

namespace slip {
namespace {

constexpr std::int64_t kMaxTokens = 1 << 20;

void declare_server(LoadBenchOptions& o, Arguments& args) {
  args.section("Load on a server (--serve)");
  args.add("--serve", o.url,
           "instead: measure an OpenAI-compatible server, for example http://127.0.0.1:8080");
  args.add_choice("--endpoint", o.endpoint, {"chat", "completions"}, "what is asked");
  args.add("--model-name", o.model_name,
           "what the server calls the model (default: the first that it lists)");
  args.add("--api-key", o.api_key, "the key that lets us in");
  args.add_path("--ca-file", o.ca_file, "roots that an HTTPS server is checked by, PEM");
  args.add_flag("--insecure", o.insecure, "don't check an HTTPS server");
  args.add("--timeout", o.timeout_s, "seconds that a request may take", {.min = 1, .max = 86400});
}

void declare_load(LoadBenchOptions& o, Arguments& args) {
  args.add("--clients", o.n_clients,
           "closed loop: so many clients ask, each as soon as it has its answer (default: 1)",
           {.min = 1, .max = 60000});
  args.add("--rate", o.rate, "open loop: requests a second, at random times (Poisson)",
           {.min = 0.001, .max = 100000});
  args.add("--requests", o.n_requests, "requests in all (0: as many as --duration allows)",
           {.min = 0, .max = 10'000'000});
  args.add("--duration", o.duration_s,
           "seconds in which requests start (0: until --requests are through, or 10)",
           {.min = 0, .max = 86400});
  args.add("--seed", o.seed, "of prompts and arrivals (default: from the clock)", kNotNegative);
}

void declare_prompts(LoadBenchOptions& o, Arguments& args) {
  args.add_path(
      "--prompts", o.prompts,
      "JSONL file of {\"prompt\" or \"messages\", \"max_tokens\"}, instead of made-up ones");
  args.add("--prompt-tokens", o.prompt_tokens, "length of made-up prompts, MIN:MAX");
  args.add("--answer-tokens", o.answer_tokens, "max_tokens of a request, MIN:MAX");
  args.add("--shared-prefix", o.n_shared_tokens, "tokens that all made-up prompts begin with",
           {.min = 0, .max = kMaxTokens});
  args.add("--temp,--temperature", o.temperature, "of the answers (default: the server's)",
           {.min = 0, .max = 100});
  args.add_flag("--stop-at-eos", o.stops_at_eos,
                "answers may end before max_tokens: don't send ignore_eos");
}

}  // namespace

void LoadBenchOptions::declare(Arguments& args) {
  declare_server(*this, args);
  declare_load(*this, args);
  declare_prompts(*this, args);
  args.add("--slo", goal, "count requests within ttft:MS,itl:MS,e2e:MS, or some of these");
  args.add_path("--plot", plot, "write the distribution of latencies there, as SVG");
  args.add_flag("--per-request", per_request, "with --json: a row for each request");
  args.require([this]() -> Result<> {
    if (rate && n_clients) return invalid("--rate and --clients: expected one of them, got both");
    for (const auto& [name, text] :
         {std::pair("--prompt-tokens", &prompt_tokens), {"--answer-tokens", &answer_tokens}}) {
      if (const auto range = parse_length_range(*text); !range) {
        return invalid("{}: {}", name, range.error().message);
      }
    }
    if (goal.empty()) return {};
    if (const auto parsed = parse_load_goal(goal); !parsed) {
      return invalid("--slo: {}", parsed.error().message);
    }
    return {};
  });
}

Result<LengthRange> parse_length_range(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.empty() || parts.size() > 2) {
    return invalid("expected MIN:MAX in tokens, got '{}'", text);
  }
  constexpr Bounds kLengths{.min = 1, .max = kMaxTokens};
  LengthRange range;
  range.min = SLIP_TRY(parse_number<std::int64_t>(parts.front(), kLengths));
  range.max = SLIP_TRY(parse_number<std::int64_t>(parts.back(), kLengths));
  if (range.max < range.min) return invalid("expected MIN:MAX, got '{}'", text);
  return range;
}

}  // namespace slip
