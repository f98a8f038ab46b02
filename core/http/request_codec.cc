#include "core/http/request_codec.h"

#include <llhttp.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "core/http/server_octets.h"

namespace sluice::http {

HeadScanner::Step HeadScanner::scan(const char* data, size_t size, const RequestLimits& limits) {
  // Nothing beyond the limit is looked at, so that the answer is the same however the bytes arrive.
  size_t seen = std::min(size, limits.head_bytes);
  assert(position_ <= seen);
  const char* end = data + seen;
  for (;;) {
    const char* at = find_control(data + position_, end);
    position_ = static_cast<uint32_t>(at - data);
    if (at == end) break;
    if (*at != '\r') return Step::bad;
    if (at + 1 == end) break;  // the LF may follow
    if (at[1] != '\n') return Step::bad;
    uint32_t line = position_ - line_start_;
    char first = data[line_start_];
    position_ += 2;
    if (line == 0) return lines_ == 0 ? Step::bad : Step::complete;
    if (lines_ == 0)
      request_line_ = line;
    else if (first == ' ' || first == '\t')
      return Step::bad;  // obs-fold, RFC 9112 §5.2
    if (++lines_ > limits.fields + 1) return Step::too_large;
    line_start_ = position_;
  }
  return size > seen ? Step::too_large : Step::more;
}

namespace {

constexpr std::array<bool, 256> make_host_table() {
  std::array<bool, 256> t{};
  for (int c = '0'; c <= '9'; ++c) t[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) t[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) t[c] = true;
  for (char c : {'!', '$', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', ':', ';', '=', '[', ']', '_', '~'})
    t[static_cast<uint8_t>(c)] = true;
  return t;
}
constexpr auto kHost = make_host_table();

// RFC 3986 §3.2: reg-name, address literal and port, without user information.
bool is_host(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return kHost[static_cast<uint8_t>(c)]; });
}

bool escapes_valid(std::string_view s) {
  for (size_t at = s.find('%'); at != s.npos; at = s.find('%', at + 1))
    if (at + 2 >= s.size() || hex_digit(s[at + 1]) < 0 || hex_digit(s[at + 2]) < 0) return false;
  return true;
}

struct Collected {
  RequestHead* head;
  bool complete = false;
};

// Spans come whole because the head is given in one piece.
const llhttp_settings_t& settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_header_field = [](llhttp_t* p, const char* at, size_t n) {
      static_cast<Collected*>(p->data)->head->headers.add({at, n}, {"", 0});
      return 0;
    };
    s.on_header_value = [](llhttp_t* p, const char* at, size_t n) {
      Headers& headers = static_cast<Collected*>(p->data)->head->headers;
      if (headers.size() == 0) return -1;
      headers[headers.size() - 1].value = trim({at, n});
      return 0;
    };
    s.on_headers_complete = [](llhttp_t* p) -> int {
      static_cast<Collected*>(p->data)->complete = true;
      return HPE_PAUSED;  // the body is not llhttp's
    };
    return s;
  }();
  return kSettings;
}

// Path and query of the target, and the host of an absolute one (RFC 9112 §3.2).
bool read_target(RequestHead& out) {
  std::string_view t = out.target;
  if (t == "*") {
    out.path = t;  // what no route has, so 404; of OPTIONS it is the server (RFC 9110 §9.3.7)
    return true;
  }
  if (t[0] != '/') {
    if (out.method == "CONNECT") {  // authority-form: no path, so no route either
      out.path = {};
      out.host = t;
      return is_host(t);
    }
    size_t scheme = iequals(t.substr(0, 7), "http://") ? 7 : iequals(t.substr(0, 8), "https://") ? 8 : 0;
    if (scheme == 0) return false;
    t.remove_prefix(scheme);
    out.host = t.substr(0, t.find_first_of("/?#"));
    if (out.host.empty() || !is_host(out.host)) return false;
    t.remove_prefix(out.host.size());
  }
  size_t mark = t.find('?');
  out.has_query = mark != t.npos;
  out.path = t.substr(0, mark);
  if (out.has_query) out.query = t.substr(mark + 1);
  if (out.path.empty()) out.path = "/";
  return escapes_valid(out.path);
}

// "method SP target SP HTTP/d.d" and nothing else (RFC 9112 §3).
int read_request_line(std::string_view line, RequestHead& out) {
  size_t space = line.find(' ');
  if (space == line.npos) return 400;
  out.method = line.substr(0, space);
  line.remove_prefix(space + 1);
  space = line.find(' ');
  if (space == line.npos || space == 0) return 400;
  out.target = line.substr(0, space);
  line.remove_prefix(space + 1);
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line.size() != 8 || line.substr(0, 5) != "HTTP/" || !digit(line[5]) || line[6] != '.' || !digit(line[7])) return 400;
  if (!is_token(out.method) || out.target.find('\t') != out.target.npos) return 400;
  if (line[5] != '1') return 505;
  out.minor = line[7] > '0';  // of a higher minor version nothing may be used that 1.1 has not (RFC 9110 §2.5)
  return 0;
}

// What the fields mean for the connection, the framing and the routing.
int read_fields(RequestHead& out) {
  std::string_view host;
  uint32_t hosts = 0, lengths = 0, codings = 0;
  bool close = false, keep = false, continues = false, unknown_expectation = false, unknown_coding = false;
  for (const Header& h : out.headers) {
    if (!is_token(h.name)) return 400;
    switch (h.name.size()) {
      case 4:
        if (iequals(h.name, "host")) ++hosts, host = h.value;
        break;
      case 6:
        if (iequals(h.name, "expect") && !h.value.empty()) {
          if (iequals(h.value, "100-continue"))
            continues = true;
          else
            unknown_expectation = true;
        }
        break;
      case 10:
        if (iequals(h.name, "connection")) {
          close = close || list_contains(h.value, "close");
          keep = keep || list_contains(h.value, "keep-alive");
        }
        break;
      case 14:
        if (iequals(h.name, "content-length")) {
          auto n = parse_decimal<int64_t>(h.value);
          if (!n || ++lengths > 1) return 400;  // RFC 9112 §6.3: even two equal ones tell of a confused sender
          out.content_length = *n;
        }
        break;
      case 17:
        if (iequals(h.name, "transfer-encoding")) {
          ++codings;
          if (!iequals(h.value, "chunked")) unknown_coding = true;
        }
        break;
      default: break;
    }
  }
  // RFC 9112 §3.2: exactly one valid Host; HTTP/1.0 may leave it out.
  if (hosts > 1 || (hosts == 0 && out.minor == 1) || !is_host(host)) return 400;
  if (out.host.empty()) out.host = host;
  if (codings > 0) {
    // RFC 9112 §6.1: with a length beside it, or in HTTP/1.0, the framing is ambiguous.
    if (lengths > 0 || out.minor == 0) return 400;
    if (codings > 1 || unknown_coding) return 501;
    out.chunked = true;
  }
  out.keep_alive = !close && (out.minor == 1 || keep);
  out.expect_continue = continues && out.minor == 1 && out.has_body();  // RFC 9110 §10.1.1
  return unknown_expectation ? 417 : 0;
}

}  // namespace

int parse_head(std::string_view head, const HeadScanner& scanner, Arena& arena, RequestHead& out) {
  assert(head.size() == scanner.size() && scanner.request_line() + 4 <= head.size());
  out = {};
  out.headers.bind(arena);
  std::string_view line = head.substr(0, scanner.request_line());
  int status = read_request_line(line, out);
  if (status == 505 && out.method == "PRI" && out.target == "*" && line == "PRI * HTTP/2.0" && scanner.fields() == 0) {
    // An HTTP/2 preface without h2c is a request for a path that nobody has (config.md §3.2, use_h2c).
    out.path = "*";
    out.keep_alive = false;
    return 0;
  }
  if (status != 0) return status;
  if (!read_target(out)) return 400;
  out.headers.reserve(scanner.fields());

  // llhttp knows a fixed list of methods and of versions, but any token is a method (RFC 9110 §9.1), and any 1.x a version: it is given
  // those it knows around the target as received. CONNECT alone has a target of its own form. Its lenient flags only pass the
  // decisions about framing on to read_fields, which is stricter.
  Collected collected{&out};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings());
  llhttp_set_lenient_chunked_length(&parser, 1);
  llhttp_set_lenient_transfer_encoding(&parser, 1);
  parser.data = &collected;
  std::string_view method = out.method == "CONNECT" && out.target[0] != '/' ? "CONNECT " : "POST ";
  if (llhttp_execute(&parser, method.data(), method.size()) != HPE_OK) return 400;
  const char* from = out.target.data();
  if (line.back() > '1') [[unlikely]] {
    constexpr std::string_view kKnown = " HTTP/1.1";
    if (llhttp_execute(&parser, from, out.target.size()) != HPE_OK || llhttp_execute(&parser, kKnown.data(), kKnown.size()) != HPE_OK) return 400;
    from = line.data() + line.size();
  }
  llhttp_execute(&parser, from, static_cast<size_t>(head.data() + head.size() - from));
  // Both readers must agree: one field per line, and the end where the scanner saw it.
  if (!collected.complete || out.headers.size() != scanner.fields()) return 400;
  return read_fields(out);
}

int check_head(RequestHead& head) {
  if (!is_token(head.method) || head.target.empty() || has_control(head.target) || head.target.find_first_of(" \t") != head.target.npos) return 400;
  if (!read_target(head)) return 400;
  return read_fields(head);
}

bool BodyDecoder::step(unsigned char c) {
  auto after_size = [&] {
    if (c == ';') return state_ = State::extension, true;
    if (c == '\r') return state_ = State::size_lf, true;
    return false;
  };
  switch (state_) {
    case State::size_first:
    case State::size: {
      int digit = hex_digit(static_cast<char>(c));
      if (digit >= 0) {
        if (remaining_ >> 59) return false;  // more than any file
        remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
        state_ = State::size;
        return true;
      }
      if (state_ == State::size_first) return false;
      if (c == ' ' || c == '\t') return state_ = State::blank, true;
      return after_size();
    }
    case State::blank:  // only an extension may follow white space (RFC 9112 §7.1.1)
      if (c == ' ' || c == '\t') return true;
      return c == ';' && after_size();
    case State::extension:
      if (c == '\r') return state_ = State::size_lf, true;
      return c == '\t' || (c >= 0x20 && c != 0x7f);
    case State::size_lf:
      // Small chunks with long extensions make much work of little data: what exceeds a fair share of framing adds up.
      overhead_ += line_;
      overhead_ -= static_cast<uint32_t>(std::min<uint64_t>(overhead_, 16 + remaining_));
      if (c != '\n' || overhead_ > kMaxOverhead) return false;
      line_ = 0;
      state_ = remaining_ ? State::data : State::trailer_start;
      return true;
    case State::data_cr: return state_ = State::data_lf, c == '\r';
    case State::data_lf: return state_ = State::size_first, c == '\n';
    case State::trailer_start:
      if (c == '\r') return state_ = State::end_lf, true;
      state_ = State::trailer;
      return c > 0x20 && c != 0x7f && c != ':';
    case State::trailer:
      if (c == '\r') return state_ = State::trailer_lf, true;
      return c == '\t' || (c >= 0x20 && c != 0x7f);
    case State::trailer_lf: return state_ = State::trailer_start, c == '\n';
    case State::end_lf: return state_ = State::done, c == '\n';
    case State::done:
    case State::failed:
    case State::length:
    case State::data: break;
  }
  assert(false);
  return false;
}

size_t BodyDecoder::next(const char* data, size_t size, Slice& piece) {
  piece = {};
  size_t used = 0;
  while (used < size && state_ != State::done && state_ != State::failed) {
    if (state_ == State::length || state_ == State::data) {
      size_t n = static_cast<size_t>(std::min<uint64_t>(remaining_, size - used));
      assert(n > 0);
      piece = {data + used, n};
      remaining_ -= n;
      if (remaining_ == 0) state_ = state_ == State::length ? State::done : State::data_cr;
      return used + n;
    }
    bool in_trailer = state_ >= State::trailer_start;
    ++line_;
    if (!step(static_cast<unsigned char>(data[used])) || line_ > (in_trailer ? kMaxTrailer : kMaxChunkLine)) {
      state_ = State::failed;
      return used;
    }
    if (state_ == State::size_first) line_ = 0;
    ++used;
  }
  return used;
}

}  // namespace sluice::http
