// A profile as text for people and as JSON for programs.
#pragma once

#include <string>

#include "cli/bench_tables.h"
#include "measure/profile.h"

namespace slip {

std::string profile_text(const BenchSetting& setting, const ProfileReport& report);
std::string profile_json(const BenchSetting& setting, const ProfileReport& report);

}  // namespace slip
