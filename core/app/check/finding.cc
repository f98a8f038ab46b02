#include "core/app/check/finding.h"

#include <algorithm>
#include <boost/json.hpp>

namespace sluice::app::check {

namespace json = boost::json;

std::string_view to_string(State s) {
  switch (s) {
    case State::passed: return "passed";
    case State::failed: return "failed";
    case State::note: return "note";
    case State::skipped: return "skipped";
  }
  return "failed";
}

bool any_failed(const std::vector<Finding>& all) {
  return std::any_of(all.begin(), all.end(), [](const Finding& f) { return f.state == State::failed; });
}

std::string to_line(const Finding& f) {
  json::object o{{"check", f.check}, {"state", to_string(f.state)}, {"text", f.text}};
  if (!f.advice.empty()) o["advice"] = f.advice;
  return json::serialize(o);
}

std::optional<Finding> finding_of(std::string_view line) {
  json::error_code ec;
  const json::value v = json::parse(line, ec);
  if (ec || !v.is_object()) return std::nullopt;
  auto text = [&](std::string_view key) {
    const json::value* member = v.get_object().if_contains(key);
    return member && member->is_string() ? std::string{member->get_string()} : std::string{};
  };
  Finding f{State::failed, text("check"), text("text"), text("advice")};
  const std::string state = text("state");
  for (State s : {State::passed, State::failed, State::note, State::skipped})
    if (state == to_string(s)) f.state = s;
  if (f.check.empty() || state.empty()) return std::nullopt;
  return f;
}

std::string for_people(const Finding& f, bool colour) {
  static constexpr struct {
    const char *mark, *paint;
  } kLooks[] = {{"✓", "32"}, {"✗", "31"}, {"!", "33"}, {"–", "33"}};
  const auto& look = kLooks[static_cast<size_t>(f.state)];
  std::string out = "  ";
  out += colour ? "\x1b[" + std::string{look.paint} + "m" + look.mark + "\x1b[0m" : std::string{look.mark};
  std::string name = f.check;
  name.resize(std::max<size_t>(name.size() + 2, 12), ' ');
  out += ' ' + name;
  const std::string margin(16, ' ');
  auto indented = [&](std::string_view text) {
    std::string s;
    for (char c : text) {
      s += c;
      if (c == '\n') s += margin;
    }
    return s;
  };
  out += indented(f.text) + '\n';
  if (!f.advice.empty()) out += margin + "→ " + indented(f.advice) + '\n';
  return out;
}

}  // namespace sluice::app::check
