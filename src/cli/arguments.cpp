#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>

namespace slip {
namespace {

using Values = std::vector<std::string>;

struct Option {
  OptionInfo info;
  std::string key;  // the long name without its dashes
  CLI::Option* parsed = nullptr;
  std::function<Result<>(const Values&)> set;

  std::string environment_name() const {
    std::string name = "SLIPSTREAM_" + key;
    std::replace(name.begin(), name.end(), '-', '_');
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return name;
  }
};

struct Positional {
  std::string name;
  std::string* value;
};

template <class T>
Result<T> parse_number(const std::string& text, Bounds bounds) {
  constexpr const char* kKind = std::is_integral_v<T> ? "an integer" : "a number";
  T number{};
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(begin, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return invalid("expected {}, got '{}'", kKind, text);
  }
  const auto value = static_cast<double>(number);
  if (!(value >= bounds.min)) return invalid("expected at least {}, got {}", bounds.min, text);
  if (!(value <= bounds.max)) return invalid("expected at most {}, got {}", bounds.max, text);
  return number;
}

template <class Target, class Number>
auto number_setter(Target& target, Bounds bounds) {
  return [&target, bounds](const Values& values) -> Result<> {
    target = SLIP_TRY(parse_number<Number>(values.back(), bounds));
    return {};
  };
}

Result<> set_flag(bool& target, const std::string& text) {
  for (const char* yes : {"true", "1", "on", "yes"}) {
    if (text == yes) {
      target = true;
      return {};
    }
  }
  for (const char* no : {"false", "0", "off", "no"}) {
    if (text == no) {
      target = false;
      return {};
    }
  }
  return invalid("expected true or false, got '{}'", text);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// Options as CLI11 prints them, under a usage line that knows our positionals.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(const std::string& usage, const std::vector<Positional>& positionals)
      : usage_(usage), positionals_(positionals) {
    column_width(34);
  }
  std::string make_usage(const CLI::App*, std::string) const override {
    std::string line = "Usage: " + usage_;
    for (const Positional& p : positionals_) line += fmt::format(" [{}]", p.name);
    return line + " [options]\n";
  }

 private:
  const std::string& usage_;
  const std::vector<Positional>& positionals_;
};

}  // namespace

struct Arguments::Impl {
  Impl(std::string_view usage_line, std::string_view summary)
      : usage(usage_line), app(std::string(summary), usage) {}

  std::string usage;
  CLI::App app;
  std::string heading = "Options";
  std::vector<std::unique_ptr<Option>> options;
  std::map<std::string, std::string> aliases;  // "-ctk" → "--cache-type-k"
  std::vector<Positional> positionals;
  CLI::Option* rest = nullptr;
  std::vector<std::function<Result<>()>> conditions;

  Option& declare(const char* names, const char* help, bool is_flag);
  const Option* find(std::string_view key) const;
  Result<> set(const Option& option, const Values& values, const std::string& origin) const;
  Result<> set_from_outside(const Option& option, std::string_view command,
                            const std::vector<ConfigFile>& files) const;
  Result<> take_positionals();
};

// CLI11 knows options of one letter and long ones; "-ctk" becomes an alias, and the help names it.
Option& Arguments::Impl::declare(const char* names, const char* help, bool is_flag) {
  auto option = std::make_unique<Option>();
  option->info.names = split(names, ',');
  option->info.is_flag = is_flag;
  const std::string& long_name = option->info.names.back();
  option->key = long_name.substr(long_name.find_first_not_of('-'));
  std::vector<std::string> known;
  std::string text = help;
  for (const std::string& name : option->info.names) {
    if (name.size() > 2 && name[1] != '-') {
      aliases.emplace(name, long_name);
      text += fmt::format(" (also {})", name);
    } else {
      known.push_back(name);
    }
  }
  const std::string joined = fmt::format("{}", fmt::join(known, ","));
  if (is_flag) {
    option->parsed = app.add_flag(joined)->description(text);
  } else {
    option->parsed = app.add_option(
        joined, [](const CLI::results_t&) { return true; }, text);
    option->parsed->allow_extra_args(false);
  }
  option->parsed->group(heading)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return *options.emplace_back(std::move(option));
}

const Option* Arguments::Impl::find(std::string_view key) const {
  for (const auto& option : options) {
    for (const std::string& name : option->info.names) {
      if (name.size() > 2 && name[1] == '-' && name.substr(2) == key) return option.get();
    }
  }
  return nullptr;
}

Result<> Arguments::Impl::set(const Option& option, const Values& values,
                              const std::string& origin) const {
  if (values.empty()) return {};
  auto done = option.set(values);
  if (!done) return invalid("{}: {}", origin, done.error().message);
  return {};
}

Result<> Arguments::Impl::set_from_outside(const Option& option, std::string_view command,
                                           const std::vector<ConfigFile>& files) const {
  const std::string variable = option.environment_name();
  const char* value = std::getenv(variable.c_str());
  if (value != nullptr && *value != '\0') return set(option, {value}, variable);
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    for (const std::string& name : option.info.names) {
      if (name.size() < 3 || name[1] != '-') continue;
      const ConfigEntry* entry = file->find(command, std::string_view(name).substr(2));
      if (entry != nullptr) {
        return set(option, entry->values, fmt::format("{}: {}", file->path.string(), entry->key));
      }
    }
  }
  return {};
}

Result<> Arguments::Impl::take_positionals() {
  const Values& words = rest->results();
  std::size_t next = 0;
  for (const Positional& positional : positionals) {
    const Option* option = find(positional.name);
    if (option != nullptr && option->parsed->count() > 0) continue;
    if (next < words.size()) *positional.value = words[next++];
  }
  if (next < words.size()) return invalid("unexpected argument '{}'", words[next]);
  return {};
}

Arguments::Arguments(std::string_view usage, std::string_view summary)
    : impl_(std::make_unique<Impl>(usage, summary)) {
  CLI::App& app = impl_->app;
  app.set_help_flag("-h,--help", "print this and exit");
  app.formatter(std::make_shared<HelpFormatter>(impl_->usage, impl_->positionals));
  impl_->rest = app.add_option("words", [](const CLI::results_t&) { return true; });
  // Without a heading it is not listed.
  impl_->rest->expected(0, 64)->allow_extra_args()->group("");
}

Arguments::~Arguments() = default;

void Arguments::section(std::string_view heading) {
  impl_->heading = heading;
}

void Arguments::add(const char* names, std::string& value, const char* help) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("TEXT");
  if (!value.empty()) option.parsed->default_str(value);
  option.set = [&value](const Values& values) -> Result<> {
    value = values.back();
    return {};
  };
}

void Arguments::add_path(const char* names, std::string& value, const char* help) {
  add(names, value, help);
  Option& option = *impl_->options.back();
  option.info.is_path = true;
  option.parsed->type_name("PATH");
}

void Arguments::add(const char* names, int& value, const char* help, Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("N")->default_str(std::to_string(value));
  option.set = number_setter<int, int>(value, bounds);
}

void Arguments::add(const char* names, std::int64_t& value, const char* help, Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("N")->default_str(std::to_string(value));
  option.set = number_setter<std::int64_t, std::int64_t>(value, bounds);
}

void Arguments::add(const char* names, std::optional<int>& value, const char* help, Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("N");
  option.set = number_setter<std::optional<int>, int>(value, bounds);
}

void Arguments::add(const char* names, std::optional<std::int64_t>& value, const char* help,
                    Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("N");
  option.set = number_setter<std::optional<std::int64_t>, std::int64_t>(value, bounds);
}

void Arguments::add(const char* names, std::optional<float>& value, const char* help,
                    Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("X");
  option.set = number_setter<std::optional<float>, float>(value, bounds);
}

void Arguments::add(const char* names, std::vector<std::int64_t>& value, const char* help,
                    Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("N,N,…")->default_str(fmt::format("{}", fmt::join(value, ",")));
  option.set = [&value, bounds](const Values& values) -> Result<> {
    value.clear();
    for (const std::string& list : values) {
      for (const std::string& item : split(list, ',')) {
        value.push_back(SLIP_TRY(parse_number<std::int64_t>(item, bounds)));
      }
    }
    return {};
  };
}

void Arguments::add(const char* names, std::vector<std::string>& value, const char* help) {
  Option& option = impl_->declare(names, help, false);
  option.parsed->type_name("TEXT");
  option.set = [&value](const Values& values) -> Result<> {
    value = values;
    return {};
  };
}

void Arguments::add_flag(const char* names, bool& value, const char* help) {
  Option& option = impl_->declare(names, help, true);
  option.set = [&value](const Values& values) { return set_flag(value, values.back()); };
}

void Arguments::add_choice(const char* names, std::string& value, std::vector<std::string> choices,
                           const char* help) {
  add(names, value, help);
  Option& option = *impl_->options.back();
  option.info.choices = choices;
  option.parsed->type_name(fmt::format("{}", fmt::join(choices, "|")));
  option.set = [&value, choices = std::move(choices)](const Values& values) -> Result<> {
    if (std::find(choices.begin(), choices.end(), values.back()) == choices.end()) {
      return invalid("expected one of {}, got '{}'", fmt::join(choices, ", "), values.back());
    }
    value = values.back();
    return {};
  };
}

void Arguments::add_positional(const char* name, std::string& value, const char* help) {
  impl_->positionals.push_back({name, &value});
  if (impl_->find(name) != nullptr) return;
  std::string footer = impl_->app.get_footer();
  if (footer.empty()) footer = "Arguments:\n";
  impl_->app.footer(footer + fmt::format("  {:<32}{}\n", name, help));
}

void Arguments::require(std::function<Result<>()> condition) {
  impl_->conditions.push_back(std::move(condition));
}

Result<Arguments::Parsed> Arguments::parse(const std::vector<std::string>& args,
                                           std::string_view command,
                                           const std::vector<ConfigFile>& files) {
  std::vector<std::string> words;
  for (const std::string& arg : args) {
    const auto alias = impl_->aliases.find(arg.substr(0, arg.find('=')));
    const bool is_alias = alias != impl_->aliases.end();
    words.push_back(is_alias ? alias->second + arg.substr(alias->first.size()) : arg);
  }
  try {
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    impl_->app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    return Parsed::kHelp;
  } catch (const CLI::ParseError& error) {
    return invalid("{}", error.what());
  }
  for (const auto& option : impl_->options) {
    if (option->parsed->count() > 0) {
      SLIP_TRY(impl_->set(*option, option->parsed->results(), option->info.names.back()));
    } else {
      SLIP_TRY(impl_->set_from_outside(*option, command, files));
    }
  }
  SLIP_TRY(impl_->take_positionals());
  for (const auto& condition : impl_->conditions) SLIP_TRY(condition());
  return Parsed::kRun;
}

bool Arguments::has_option(std::string_view key) const {
  return impl_->find(key) != nullptr;
}

std::vector<OptionInfo> Arguments::options() const {
  std::vector<OptionInfo> all;
  for (const auto& option : impl_->options) all.push_back(option->info);
  return all;
}

std::string Arguments::help() const {
  return impl_->app.help();
}

}  // namespace slip
