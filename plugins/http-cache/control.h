// What messages say about caching: Cache-Control, dates, ages. Pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace http_cache {

// Seconds since 1970 of an HTTP date, in any of its three forms (RFC 9110 §5.6.7).
std::optional<int64_t> parse_date(std::string_view);

// The directives of one side. Of directives that stand there twice the stricter counts.
struct Control {
  bool no_store = false, no_cache = false, only_if_cached = false, is_private = false, is_public = false, must_revalidate = false,
       s_maxage = false;
  std::optional<int64_t> max_age, min_fresh;  // what is no number is 0
  struct Allowance {  // without a number: any
    bool given = false;
    std::optional<int64_t> seconds;
  };
  Allowance max_stale, stale_if_error;
  // Takes in one field line.
  void add(std::string_view line);
};

// How long a stored answer is fresh: its max-age, else Expires less Date, else 0 (http-cache.md, "Lookup").
int64_t lifetime_of(const Control& response, std::optional<int64_t> date, bool has_expires, std::optional<int64_t> expires);

enum class Verdict { fresh, stale, skip /* the stored answer is not to be used at all */ };
// Of a stored answer whose `Vary` matches.
Verdict judge(const Control& request, const Control& response, std::optional<int64_t> date, int64_t lifetime, int64_t now);

// May the stored answer be served because the backend failed?
bool serve_on_error(const Control& request, const Control& response, std::optional<int64_t> date, int64_t now);

// f(item) for each item of a comma-separated list; commas in quotes do not count.
template <class F>
void each_item(std::string_view line, F&& f) {
  while (!line.empty()) {
    bool quoted = false;
    size_t end = 0;
    for (; end < line.size() && (quoted || line[end] != ','); ++end) {
      if (line[end] == '"') quoted = !quoted;
      else if (quoted && line[end] == '\\' && end + 1 < line.size()) ++end;
    }
    std::string_view item = line.substr(0, end);
    line.remove_prefix(end < line.size() ? end + 1 : end);
    const size_t from = item.find_first_not_of(" \t");
    if (from == item.npos) continue;
    f(item.substr(from, item.find_last_not_of(" \t") - from + 1));
  }
}

bool same_text(std::string_view a, std::string_view b);  // any letter case, ASCII

}  // namespace http_cache
