// How Go prints values: fmt's verbs, quoting, and encoding/json. Pure.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/config/template/value.h"

namespace sluice::config::tmpl {

// %v. Objects print as map[a:1 b:2] with sorted keys, nothing inside them as <nil>. A cycle ends with "…".
std::string to_text(const Value&);
void append_text(std::string& out, const Value&, size_t depth = 0);
// fmt.Sprint, Sprintln and Sprintf.
std::string print(std::span<const Value>);
std::string println(std::span<const Value>);
std::string printf(std::string_view format, std::span<const Value>);

std::string format_real(double, char verb, int precision);  // strconv.FormatFloat; -1: the shortest that reads back
std::string go_quote(std::string_view, bool ascii = false);  // strconv.Quote
std::string duration_text(int64_t nanoseconds);               // time.Duration.String
std::string time_text(int64_t nanoseconds);                   // time.Time.String, in UTC

// encoding/json. `escape_html`: <, > and & as \u003c…; `indent` not empty: one member a line. nullopt: a cycle, too large, or a
// number that JSON does not have.
std::optional<std::string> json_text(const Value&, bool escape_html, std::string_view indent = {});

// One character of UTF-8 at the front of `s` and its length; an invalid byte is U+FFFD of length 1.
struct Rune {
  char32_t code = 0xfffd;
  size_t size = 1;
};
Rune rune_at(std::string_view s);
void append_rune(std::string& out, char32_t code);
size_t rune_count(std::string_view);
char32_t rune_upper(char32_t);  // Latin, Greek and Cyrillic
char32_t rune_lower(char32_t);
bool rune_space(char32_t);
bool rune_letter(char32_t);  // beyond ASCII: everything but spaces and general punctuation
inline bool rune_digit(char32_t c) { return c >= '0' && c <= '9'; }

}  // namespace sluice::config::tmpl
