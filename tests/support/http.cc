#include "tests/support/http.h"

#include <algorithm>
#include <cctype>

namespace sluice::test {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string Headers::get(std::string_view name) const {
  for (const auto& [n, v] : list_) {
    if (same_name(n, name)) return v;
  }
  return "";
}

size_t Headers::count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(list_.begin(), list_.end(), [&](const auto& h) { return same_name(h.first, name); }));
}

bool Reader::fill(Limit limit) {
  std::string more = wire_->read_some(limit);
  buffer_ += more;
  return !more.empty();
}

std::optional<std::string> Reader::line(Limit limit) {
  size_t end;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    if (!fill(limit)) {
      if (buffer_.empty()) return std::nullopt;
      throw ConnectionLost("the stream ended inside a line: " + buffer_.substr(0, 80));
    }
  }
  std::string out = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  if (!out.empty() && out.back() == '\r') out.pop_back();
  return out;
}

std::optional<Head> Reader::head(Limit limit) {
  auto first = line(limit);
  if (!first) return std::nullopt;
  Head out;
  out.first_line = *first;
  for (;;) {
    auto field = line(limit);
    if (!field) throw ConnectionLost("the stream ended inside a message head: " + out.first_line);
    if (field->empty()) return out;
    size_t colon = field->find(':');
    if (colon == std::string::npos) throw Failure("a header line without a colon: " + *field);
    size_t value = field->find_first_not_of(" \t", colon + 1);
    out.headers.add(field->substr(0, colon), value == std::string::npos ? "" : field->substr(value));
  }
}

std::string Reader::some(size_t most, Limit limit) {
  if (buffer_.empty() && !fill(limit)) return "";
  std::string out = buffer_.substr(0, most);
  buffer_.erase(0, out.size());
  return out;
}

std::string Reader::all(Limit limit) {
  while (fill(limit)) {
  }
  return std::exchange(buffer_, "");
}

BodyReader BodyReader::none() { return length(0); }

BodyReader BodyReader::length(uint64_t n) {
  BodyReader b;
  b.left_ = n;
  b.done_ = n == 0;
  return b;
}

BodyReader BodyReader::chunked() {
  BodyReader b;
  b.kind_ = Kind::chunked;
  return b;
}

BodyReader BodyReader::until_close() {
  BodyReader b;
  b.kind_ = Kind::until_close;
  return b;
}

BodyReader BodyReader::of_request(const Head& head) {
  if (lower(head.headers.get("Transfer-Encoding")).find("chunked") != std::string::npos) return chunked();
  std::string n = head.headers.get("Content-Length");
  return n.empty() ? none() : length(std::stoull(n));
}

BodyReader BodyReader::of_response(const Head& head, int status, std::string_view method) {
  if (method == "HEAD" || status == 204 || status == 304 || status < 200) return none();
  if (lower(head.headers.get("Transfer-Encoding")) == "chunked") return chunked();
  std::string n = head.headers.get("Content-Length");
  return n.empty() ? until_close() : length(std::stoull(n));
}

std::string BodyReader::next(Reader& reader, Limit limit) {
  if (done_) return "";
  if (kind_ == Kind::until_close) {
    std::string out = reader.some(1 << 20, limit);
    done_ = out.empty();
    return out;
  }
  if (kind_ == Kind::chunked && !in_chunk_) {
    auto size = reader.line(limit);
    if (!size) throw ConnectionLost("the stream ended before the last chunk");
    size_t digits = 0;
    try {
      left_ = std::stoull(*size, &digits, 16);
    } catch (const std::exception&) {
      throw Failure("not a chunk size: " + *size);
    }
    if (left_ == 0) {
      for (;;) {  // the trailer section
        auto field = reader.line(limit);
        if (!field) throw ConnectionLost("the stream ended inside the trailer section");
        if (field->empty()) break;
      }
      done_ = true;
      return "";
    }
    in_chunk_ = true;
  }
  std::string out = reader.some(static_cast<size_t>(std::min<uint64_t>(left_, 1 << 20)), limit);
  if (out.empty()) throw ConnectionLost("the stream ended " + std::to_string(left_) + " bytes too early");
  left_ -= out.size();
  if (left_ == 0) {
    if (kind_ == Kind::length) {
      done_ = true;
    } else {
      auto end = reader.line(limit);
      if (!end) throw ConnectionLost("the stream ended after a chunk");
      if (!end->empty()) throw Failure("a chunk longer than announced: " + *end);
      in_chunk_ = false;
    }
  }
  return out;
}

int status_of(const Head& head) {
  const std::string& l = head.first_line;
  bool well_formed = l.starts_with("HTTP/1.") && l.size() >= 12 && l[8] == ' ' && std::isdigit(l[9]) && std::isdigit(l[10]) &&
                     std::isdigit(l[11]) && (l.size() == 12 || l[12] == ' ');
  if (!well_formed) throw Failure("not a status line: " + l.substr(0, 80));
  return std::stoi(l.substr(9, 3));
}

bool will_close(const Head& head) {
  std::string connection = lower(head.headers.get("Connection"));
  if (head.first_line.starts_with("HTTP/1.0")) return connection.find("keep-alive") == std::string::npos;
  return connection.find("close") != std::string::npos;
}

Response read_response(Reader& reader, std::string_view method, Limit limit) {
  std::optional<Head> head;
  int status;
  do {
    head = reader.head(limit);
    if (!head) throw ConnectionLost("the connection was closed without an answer");
    status = status_of(*head);
  } while (status == 100);
  Response out;
  out.status = status;
  out.reason = head->first_line.size() > 13 ? head->first_line.substr(13) : "";
  out.headers = head->headers;
  BodyReader body = BodyReader::of_response(*head, status, method);
  out.closing = will_close(*head) || body.until_closed();
  try {
    while (!body.done()) out.body += body.next(reader, limit);
  } catch (const ConnectionLost& e) {
    if (std::string_view(e.what()).starts_with("reading:")) throw;  // a reset is no orderly end
    out.truncated = out.closing = true;
  }
  return out;
}

}  // namespace sluice::test
