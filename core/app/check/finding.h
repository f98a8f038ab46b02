// What a check of a plugin found out: one line for people, one JSON object for machines.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::app::check {

enum class State : uint8_t {
  passed,
  failed,   // the plugin breaks a rule: exit code 1
  note,     // worth knowing, no rule is broken
  skipped,  // could not be looked at; the text says why
};

struct Finding {
  State state = State::passed;
  std::string check;   // "create", "time-outs": the list is in docs/check-plugin.md
  std::string text;    // what was seen, where
  std::string advice;  // what to do; may be empty
};

std::string_view to_string(State);
bool any_failed(const std::vector<Finding>&);

// One line of JSON without its end, as the checking process hands it to the one that prints.
std::string to_line(const Finding&);
std::optional<Finding> finding_of(std::string_view line);

// For a terminal: "✓ create  12 blocks tried, …", advice on a line of its own. `colour`: with escape sequences.
std::string for_people(const Finding&, bool colour);

}  // namespace sluice::app::check
