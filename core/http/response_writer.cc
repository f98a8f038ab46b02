#include "core/http/response_writer.h"

#include <cassert>
#include <charconv>
#include <cstring>

#include "core/http/server_octets.h"

namespace sluice::http {
namespace {

struct Cursor {
  char* at;
  void put(std::string_view s) {
    if (!s.empty()) std::memcpy(at, s.data(), s.size());
    at += s.size();
  }
  void field(std::string_view name, std::string_view value) { put(name), put(": "), put(value), put("\r\n"); }
};

}  // namespace

char* write_chunk_size(char* out, size_t n) {
  char* end = std::to_chars(out, out + 16, n, 16).ptr;
  *end++ = '\r', *end++ = '\n';
  return end;
}

std::string_view write_response_head(Arena& arena, const ResponseHead& head, const ResponsePlan& plan, std::string_view date) {
  // A final response with an impossible status is our own fault.
  int status = head.status >= 200 && head.status <= 999 ? head.status : 500;
  std::string_view reason = head.reason.empty() || has_control(head.reason) ? reason_phrase(status) : head.reason;
  size_t bound = 256 + reason.size() + date.size();  // status line, own fields, chunk size
  for (const Header& h : head.headers) bound += h.name.size() + h.value.size() + 4;
  char* begin = static_cast<char*>(arena.alloc(bound, 1));
  Cursor out{begin};

  out.put(plan.minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
  out.at = std::to_chars(out.at, out.at + 3, status).ptr;
  *out.at++ = ' ';
  out.put(reason), out.put("\r\n");

  bool has_date = false, has_length = false;
  bool pass_length = plan.kind == BodyKind::none && plan.allow_length;
  for (const Header& h : head.headers) {
    if (h.name.empty() || is_hop_by_hop(h.name)) continue;
    char* const line = out.at;
    out.put(h.name), out.put(": "), out.put(h.value);
    bool keep = !has_control({line, static_cast<size_t>(out.at - line)});  // name and value in one look
    if (keep && h.name.size() == 14 && iequals(h.name, "content-length")) {
      keep = pass_length && !has_length && parse_decimal<uint64_t>(h.value);
      has_length = has_length || keep;
    } else if (keep && h.name.size() == 4 && iequals(h.name, "date")) {
      keep = !has_date;
      has_date = true;
    }
    if (keep)
      out.put("\r\n");
    else
      out.at = line;
  }
  if (!has_date) out.field("Date", date);
  switch (plan.kind) {
    case BodyKind::none:
      if (has_length || !plan.allow_length || plan.length < 0) break;
      [[fallthrough]];
    case BodyKind::length:
      out.put("Content-Length: ");
      out.at = std::to_chars(out.at, out.at + 20, plan.length).ptr;
      out.put("\r\n");
      break;
    case BodyKind::chunked: out.put("Transfer-Encoding: chunked\r\n"); break;
    case BodyKind::until_close: break;
  }
  if (!plan.keep_alive)
    out.put("Connection: close\r\n");
  else if (plan.minor == 0)
    out.put("Connection: keep-alive\r\n");
  out.put("\r\n");
  if (plan.first_chunk) out.at = write_chunk_size(out.at, plan.first_chunk);
  assert(out.at <= begin + bound);
  arena.trim(out.at);
  return {begin, static_cast<size_t>(out.at - begin)};
}

}  // namespace sluice::http
