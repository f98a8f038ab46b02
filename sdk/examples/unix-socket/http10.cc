#include "http10.h"

#include <algorithm>
#include <charconv>

namespace example {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }

// The next line without its end; false: the text holds no whole line any more.
bool next_line(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  if (end == text.npos) return false;
  line = text.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return true;
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_of_the_connection(std::string_view name) {
  for (const std::string_view n : {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}) {
    if (same_name(name, n)) return true;
  }
  return false;
}

std::string write_request(std::string_view method, std::string_view target, std::string_view host, const HeaderLines& headers, std::string_view body) {
  std::string out;
  const auto add = [&](std::initializer_list<std::string_view> parts) {
    for (const std::string_view p : parts) out.append(p);
  };
  add({method, " ", target, " HTTP/1.0\r\nHost: ", host, "\r\n"});
  for (const auto& [name, value] : headers) {
    if (is_of_the_connection(name) || same_name(name, "host") || same_name(name, "content-length")) continue;
    add({name, ": ", value, "\r\n"});
  }
  if (!body.empty() || (method != "GET" && method != "HEAD")) add({"Content-Length: ", std::to_string(body.size()), "\r\n"});
  add({"\r\n", body});
  return out;
}

std::optional<Answer> read_answer(std::string_view text, std::string& why) {
  const auto refuse = [&](std::string_view what) {
    why = what;
    return std::nullopt;
  };
  if (text.empty()) return refuse("the connection was closed without an answer");
  Answer out;
  std::string_view line;
  if (!next_line(text, line)) return refuse("the connection was closed within the status line");
  if (line.substr(0, 7) != "HTTP/1." || line.size() < 12 || line[8] != ' ') return refuse("this is no HTTP answer");
  const auto [rest, error] = std::from_chars(line.data() + 9, line.data() + 12, out.status);
  if (error != std::errc{} || rest != line.data() + 12 || out.status < 200 || out.status > 599) return refuse("this status is no status");
  std::optional<uint64_t> length;
  for (;;) {
    if (!next_line(text, line)) return refuse("the connection was closed within the headers");
    if (line.empty()) break;
    const size_t colon = line.find(':');
    if (colon == line.npos || colon == 0 || line[0] == ' ' || line[0] == '\t') return refuse("a header line without a name");
    const std::string_view name = line.substr(0, colon);
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    // We asked in HTTP/1.0, which has no chunks; whoever sends them has not understood.
    if (same_name(name, "transfer-encoding")) return refuse("a transfer encoding in an answer to HTTP/1.0");
    if (same_name(name, "content-length")) {
      uint64_t n = 0;
      const auto [last, bad] = std::from_chars(value.data(), value.data() + value.size(), n);
      if (bad != std::errc{} || last != value.data() + value.size() || (length && *length != n)) return refuse("a content length that is none");
      length = n;
    }
    if (!is_of_the_connection(name)) out.headers.emplace_back(name, value);
  }
  if (length && text.size() < *length) return refuse("the connection was closed within the body");
  out.body = length ? text.substr(0, *length) : text;
  return out;
}

}  // namespace example
