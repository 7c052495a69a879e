#include "cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "cli/option_values.h"
#include "cli/suggestion.h"

namespace slip {
namespace {

using Values = std::vector<std::string>;

struct Option {
  OptionInfo info;
  std::vector<std::string> keys;  // the long names without their dashes
  CLI::Option* shown = nullptr;   // in --help
  bool is_ignored = false;
  std::function<Result<>(const Values&)> set;
  Values given;       // on the command line
  std::string typed;  // the name that it had there last
};

struct Positional {
  std::string name;
  std::function<void(const std::string&)> set;
};

std::string environment_name(std::string_view key) {
  std::string name = "SLIPSTREAM_" + std::string(key);
  std::replace(name.begin(), name.end(), '-', '_');
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "-c", "-ctk", "--ctx-size"; "-1" and "-" are values.
bool looks_like_option(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && (word[1] == '-' || is_letter(word[1]));
}

// Options as CLI11 prints them, under a usage line that knows our positionals.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter(const std::string& usage, const std::vector<Positional>& positionals,
                const std::string& rest)
      : usage_(usage), positionals_(positionals), rest_(rest) {
    column_width(34);
  }
  std::string make_usage(const CLI::App*, std::string) const override {
    std::string line = "Usage: " + usage_;
    for (const Positional& p : positionals_) line += fmt::format(" [{}]", p.name);
    if (!rest_.empty()) line += fmt::format(" [{}]", rest_);
    return line + " [options]\n";
  }

 private:
  const std::string& usage_;
  const std::vector<Positional>& positionals_;
  const std::string& rest_;
};

// An ignored option with choices may have none of them: "-fa" was a flag once.
bool stands_alone(const Option& option, const Values& args, std::size_t next) {
  const auto& choices = option.info.choices;
  if (!option.is_ignored || choices.empty()) return false;
  return next == args.size() ||
         std::find(choices.begin(), choices.end(), args[next]) == choices.end();
}

}  // namespace

struct Arguments::Impl {
  Impl(std::string_view usage_line, std::string_view summary)
      : usage(usage_line), app(std::string(summary), usage) {}

  std::string usage;
  CLI::App app;
  std::string heading = "Options";
  std::vector<std::unique_ptr<Option>> options;
  std::vector<Positional> positionals;
  std::string rest_name;
  std::vector<std::string>* rest = nullptr;  // null: none may be left
  Values words;                              // arguments without a flag
  std::vector<std::function<Result<>()>> conditions;

  Option& declare(const char* names, const char* help, bool is_flag);
  Option* find(std::string_view key) const;
  Option* named(std::string_view name) const;
  tl::unexpected<Error> unknown(const std::string& name) const;
  Result<Parsed> read(const Values& args);
  Result<> take_positionals(const ConfigScope& scope);
  std::optional<Setting> setting(const Option& option, const ConfigScope& scope) const;
  void enter_model(ConfigScope& scope);
};

// CLI11 knows options of one letter and long ones; the help names "-ctk" as well.
Option& Arguments::Impl::declare(const char* names, const char* help, bool is_flag) {
  auto option = std::make_unique<Option>();
  option->info.names = split(names, ',');
  option->info.is_flag = is_flag;
  std::vector<std::string> known;
  std::string text = help;
  for (const std::string& name : option->info.names) {
    if (name[1] == '-') option->keys.push_back(name.substr(2));
    if (name.size() > 2 && name[1] != '-') {
      text += fmt::format(" (also {})", name);
    } else {
      known.push_back(name);
    }
  }
  const std::string joined = fmt::format("{}", fmt::join(known, ","));
  if (is_flag) {
    option->shown = app.add_flag(joined)->description(text);
  } else {
    option->shown = app.add_option(
        joined, [](const CLI::results_t&) { return true; }, text);
  }
  option->shown->group(heading);
  return *options.emplace_back(std::move(option));
}

Option* Arguments::Impl::find(std::string_view key) const {
  for (const auto& option : options) {
    const auto& keys = option->keys;
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) return option.get();
  }
  return nullptr;
}

Option* Arguments::Impl::named(std::string_view name) const {
  for (const auto& option : options) {
    const auto& names = option->info.names;
    if (std::find(names.begin(), names.end(), name) != names.end()) return option.get();
  }
  return nullptr;
}

tl::unexpected<Error> Arguments::Impl::unknown(const std::string& name) const {
  std::vector<std::string> names{"--help"};
  for (const auto& option : options) {
    names.insert(names.end(), option->info.names.begin(), option->info.names.end());
  }
  const std::string near = closest(name, names);
  return invalid("unknown option '{}'{}", name,
                 near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
}

// Sorts the command line into options' values and words.
Result<Arguments::Parsed> Arguments::Impl::read(const Values& args) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "--") {
      words.insert(words.end(), args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
      break;
    }
    if (!looks_like_option(arg)) {
      words.push_back(arg);
      continue;
    }
    const std::size_t equals = arg.find('=');
    const std::string name = arg.substr(0, equals);
    if (name == "-h" || name == "--help") return Parsed::kHelp;
    Option* option = named(name);
    if (option != nullptr) option->typed = name;
    if (option != nullptr && equals != std::string::npos) {
      option->given.push_back(arg.substr(equals + 1));
    } else if (option != nullptr && (option->info.is_flag || stands_alone(*option, args, i + 1))) {
      option->given.push_back("true");
    } else if (option != nullptr) {
      if (++i == args.size()) return invalid("{}: expected a value, got none", name);
      option->given.push_back(args[i]);
    } else if (option = named(arg.substr(0, 2));
               option != nullptr && !option->info.is_flag && arg[1] != '-' && !is_letter(arg[2])) {
      option->typed = arg.substr(0, 2);  // "-t4"
      option->given.push_back(arg.substr(2));
    } else {
      return unknown(name);
    }
  }
  return Parsed::kRun;
}

// Where there are fewer words than places, those that have a value from elsewhere stay empty.
Result<> Arguments::Impl::take_positionals(const ConfigScope& scope) {
  const auto is_given = [this](const Positional& p) {
    const Option* option = find(p.name);
    return option != nullptr && !option->given.empty();
  };
  auto n_places = positionals.size();
  for (const Positional& positional : positionals) n_places -= is_given(positional) ? 1 : 0;
  std::size_t next = 0;
  for (const Positional& positional : positionals) {
    if (is_given(positional)) continue;
    const std::size_t n_words = words.size() - next;
    const bool are_too_few = n_words < n_places--;
    Option* option = find(positional.name);
    const bool has_value = option != nullptr && setting(*option, scope).has_value();
    if (n_words == 0 || (are_too_few && has_value)) continue;
    if (option != nullptr) {
      option->given = {words[next++]};
    } else {
      positional.set(words[next++]);
    }
  }
  if (rest == nullptr && next < words.size()) {
    return invalid("unexpected argument '{}'", words[next]);
  }
  for (; next < words.size(); ++next) rest->push_back(words[next]);
  return {};
}

std::optional<Setting> Arguments::Impl::setting(const Option& option,
                                                const ConfigScope& scope) const {
  if (!option.given.empty()) {
    return Setting{option.typed.empty() ? option.info.names.back() : option.typed, option.given};
  }
  for (const std::string& key : option.keys) {
    const std::string variable = environment_name(key);
    const char* value = std::getenv(variable.c_str());
    if (value != nullptr && *value != '\0') return Setting{variable, {value}};
  }
  return scope.find(option.keys);
}

// A model may have a section of its own, and be named there.
void Arguments::Impl::enter_model(ConfigScope& scope) {
  Option* model = find("model");
  if (model == nullptr) return;
  const auto value = setting(*model, scope);
  if (!value) return;
  model->given = {scope.enter_model(value->values.back())};
}

Arguments::Arguments(std::string_view usage, std::string_view summary)
    : impl_(std::make_unique<Impl>(usage, summary)) {
  CLI::App& app = impl_->app;
  app.set_help_flag("-h,--help", "print this and exit");
  app.formatter(
      std::make_shared<HelpFormatter>(impl_->usage, impl_->positionals, impl_->rest_name));
}

Arguments::~Arguments() = default;

void Arguments::section(std::string_view heading) {
  impl_->heading = heading;
}

void Arguments::add(const char* names, std::string& value, const char* help) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("TEXT");
  if (!value.empty()) option.shown->default_str(value);
  option.set = [&value](const Values& values) -> Result<> {
    value = values.back();
    return {};
  };
}

void Arguments::add(const char* names, std::optional<std::string>& value, const char* help) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("TEXT");
  option.set = [&value](const Values& values) -> Result<> {
    value = values.back();
    return {};
  };
}

void Arguments::add_path(const char* names, std::string& value, const char* help) {
  add(names, value, help);
  Option& option = *impl_->options.back();
  option.info.is_path = true;
  option.shown->type_name("PATH");
}

void Arguments::add(const char* names, int& value, const char* help, Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("N")->default_str(std::to_string(value));
  option.set = number_setter<int, int>(value, bounds);
}

void Arguments::add(const char* names, std::int64_t& value, const char* help, Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("N")->default_str(std::to_string(value));
  option.set = number_setter<std::int64_t, std::int64_t>(value, bounds);
}

void Arguments::add(const char* names, std::optional<int>& value, const char* help, Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("N");
  option.set = number_setter<std::optional<int>, int>(value, bounds);
}

void Arguments::add(const char* names, std::optional<std::int64_t>& value, const char* help,
                    Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("N");
  option.set = number_setter<std::optional<std::int64_t>, std::int64_t>(value, bounds);
}

void Arguments::add(const char* names, std::optional<float>& value, const char* help,
                    Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("X");
  option.set = number_setter<std::optional<float>, float>(value, bounds);
}

void Arguments::add(const char* names, std::vector<std::int64_t>& value, const char* help,
                    Bounds bounds) {
  Option& option = impl_->declare(names, help, false);
  option.shown->type_name("N,N,…")->default_str(fmt::format("{}", fmt::join(value, ",")));
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
  option.shown->type_name("TEXT");
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
  option.shown->type_name(fmt::format("{}", fmt::join(choices, "|")));
  option.set = [&value, choices = std::move(choices)](const Values& values) -> Result<> {
    if (std::find(choices.begin(), choices.end(), values.back()) == choices.end()) {
      return invalid("expected one of {}, got '{}'", fmt::join(choices, ", "), values.back());
    }
    value = values.back();
    return {};
  };
}

void Arguments::ignore(const char* names, std::vector<std::string> choices) {
  Option& option = impl_->declare(names, "", false);
  option.is_ignored = true;
  option.info.choices = std::move(choices);
  option.set = [](const Values&) -> Result<> { return {}; };
  option.shown->group("");  // not listed
}

void Arguments::ignore_flag(const char* names) {
  ignore(names);
  impl_->options.back()->info.is_flag = true;
}

void Arguments::add_positional(const char* name, std::string& value, const char* help) {
  declare_positional(name, help, [&value](const std::string& word) { value = word; });
}

void Arguments::add_positional(const char* name, std::optional<std::string>& value,
                               const char* help) {
  declare_positional(name, help, [&value](const std::string& word) { value = word; });
}

void Arguments::declare_positional(const char* name, const char* help,
                                   std::function<void(const std::string&)> set) {
  impl_->positionals.push_back({name, std::move(set)});
  if (impl_->find(name) != nullptr) return;
  std::string footer = impl_->app.get_footer();
  if (footer.empty()) footer = "Arguments:\n";
  impl_->app.footer(footer + fmt::format("  {:<32}{}\n", name, help));
}

void Arguments::add_rest(const char* name, std::vector<std::string>& values) {
  impl_->rest_name = name;
  impl_->rest = &values;
}

void Arguments::require(std::function<Result<>()> condition) {
  impl_->conditions.push_back(std::move(condition));
}

Result<Arguments::Parsed> Arguments::parse(const std::vector<std::string>& args,
                                           ConfigScope scope) {
  if (SLIP_TRY(impl_->read(args)) == Parsed::kHelp) return Parsed::kHelp;
  SLIP_TRY(impl_->take_positionals(scope));
  impl_->enter_model(scope);
  for (const auto& option : impl_->options) {
    const auto setting = impl_->setting(*option, scope);
    if (!setting) continue;
    const auto done = option->set(setting->values);
    if (!done) return invalid("{}: {}", setting->origin, done.error().message);
  }
  for (const auto& condition : impl_->conditions) SLIP_TRY(condition());
  return Parsed::kRun;
}

std::vector<std::string> Arguments::ignored() const {
  std::vector<std::string> names;
  for (const auto& option : impl_->options) {
    if (option->is_ignored && !option->given.empty()) names.push_back(option->info.names.front());
  }
  return names;
}

bool Arguments::is_given(std::string_view name) const {
  return !impl_->named(name)->given.empty();
}

bool Arguments::has_option(std::string_view key) const {
  return impl_->find(key) != nullptr;
}

std::vector<OptionInfo> Arguments::options() const {
  std::vector<OptionInfo> all;
  for (const auto& option : impl_->options) {
    if (!option->is_ignored) all.push_back(option->info);
  }
  return all;
}

std::vector<std::string> Arguments::first_words() const {
  if (impl_->positionals.empty()) return {};
  std::vector<std::string> words = split(impl_->positionals.front().name, '|');
  return words.size() > 1 ? words : std::vector<std::string>();
}

std::string Arguments::help() const {
  return impl_->app.help();
}

}  // namespace slip
