#include "tests/conformance/mock_backend.h"

#include <cstdio>

#include "tests/support/text.h"

namespace sluice::test {
namespace {

// %XX and + of one query name or value. The recorded cases hold what their recorder decoded: percent sequences of a run of ASCII
// characters as UTF-8 with replacement, bytes above 0x7f as Latin-1.
std::string query_unescape(std::string_view s) {
  std::string out, run;
  auto flush = [&] {
    out += utf8_with_replacement(run);
    run.clear();
  };
  auto hex = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  for (size_t i = 0; i < s.size(); ++i) {
    if (static_cast<unsigned char>(s[i]) >= 0x80) {
      flush();
      out += latin1_to_utf8(s.substr(i, 1));
    } else if (s[i] == '%' && i + 2 < s.size() && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
      run += static_cast<char>(hex(s[i + 1]) * 16 + hex(s[i + 2]));
      i += 2;
    } else {
      run += s[i] == '+' ? ' ' : s[i];
    }
  }
  flush();
  return out;
}

Json parse_query(std::string_view s) {
  Json out = Json::object();
  while (!s.empty()) {
    std::string_view pair = s.substr(0, s.find('&'));
    s.remove_prefix(std::min(s.size(), pair.size() + 1));
    if (pair.empty()) continue;
    size_t equals = std::min(pair.find('='), pair.size());
    std::string name = query_unescape(pair.substr(0, equals));
    std::string value = equals < pair.size() ? query_unescape(pair.substr(equals + 1)) : "";
    if (!out.has(name)) out.set(name, Json::array());
    out.find(name)->push(Json::text(std::move(value)));
  }
  return out;
}

// Expected values of a route's query: a text stands for a list of one.
bool query_matches(const Json& query, const Json& wanted) {
  for (const auto& [name, value] : wanted.members()) {
    Json list = value;
    if (value.is(Json::Kind::string)) {
      list = Json::array();
      list.push(value);
    }
    const Json* found = query.find(name);
    if (found == nullptr || !(*found == list)) return false;
  }
  return true;
}

const char* reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 500: return "Internal Server Error";
    default: return "Status";
  }
}

}  // namespace

const std::set<std::string>& noise_headers() {
  static const std::set<std::string> kNoise{"host", "user-agent", "accept-encoding", "content-length", "transfer-encoding",
                                            "connection", "x-forwarded-for", "x-forwarded-host", "x-forwarded-via",
                                            "traceparent", "tracestate", "te", "expect", "trailer"};
  return kNoise;
}

std::string expand(const Json& text) {
  if (text.is(Json::Kind::string)) return text.str();
  std::string out;
  for (const Json& part : text.items()) {
    if (part.is(Json::Kind::string)) {
      out += part.str();
    } else {
      for (long long n = part.at("times").whole(); n > 0; --n) out += part.at("text").str();
    }
  }
  return out;
}

MockBackend::MockBackend(const Json& spec, std::set<std::string> hidden, const Json& tls) : hidden_(std::move(hidden)) {
  set_routes(spec.at("routes"));
  if (tls.size() == 2) tls_ = std::make_unique<TlsServerContext>(tls.items()[0].str(), tls.items()[1].str());
  server_ = std::make_unique<ConnectionServer>([this](ConnectionServer::Connection& c) { serve(c); },
                                               [](int, const std::string&) {},  // what the gateway breaks off is no error here
                                               tls_.get());
}

MockBackend::~MockBackend() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    ending_signal_.notify_all();
  }
  server_->stop();
}

void MockBackend::set_routes(const Json& routes) {
  std::lock_guard lock(mutex_);
  routes_.clear();
  for (const Json& r : routes.items()) routes_.push_back({r, 0});
}

std::vector<Json> MockBackend::take() {
  std::lock_guard lock(mutex_);
  return std::exchange(seen_, {});
}

size_t MockBackend::count() const {
  std::lock_guard lock(mutex_);
  return seen_.size();
}

Json MockBackend::match(const std::string& method, const std::string& path, const Json& query) {
  std::lock_guard lock(mutex_);
  for (Route& r : routes_) {
    std::string pattern = r.spec.has("path") ? r.spec.at("path").str() : "*";
    bool ok = pattern.ends_with("*") ? path.starts_with(pattern.substr(0, pattern.size() - 1)) : path == pattern;
    if (ok && (!r.spec.has("method") || r.spec.at("method").str() == method) &&
        r.served < r.spec.at("repeat").whole(1LL << 30) && query_matches(query, r.spec.at("query"))) {
      ++r.served;
      return r.spec;
    }
  }
  return Json::parse_or_throw(R"({"status": 404, "body": {"mock": "no such route"}})", "the answer without a route");
}

void MockBackend::serve(ConnectionServer::Connection& connection) {
  Reader reader(*connection.wire);
  while (auto head = reader.head(std::chrono::hours(1))) {
    const std::string& line = head->first_line;
    size_t first = line.find(' '), second = line.rfind(' ');
    if (first == std::string::npos || second <= first) throw Failure("not a request line");
    std::string method = line.substr(0, first), raw_target = line.substr(first + 1, second - first - 1);
    if (raw_target.starts_with("//")) raw_target.erase(0, raw_target.find_first_not_of('/') - 1);  // as the recorder did
    std::string target = latin1_to_utf8(raw_target);
    if (same_name(head->headers.get("Expect"), "100-continue")) connection.wire->write("HTTP/1.1 100 Continue\r\n\r\n");

    size_t mark = raw_target.find('?');
    std::string path = latin1_to_utf8(raw_target.substr(0, mark));
    Json query = parse_query(mark == std::string::npos ? "" : std::string_view(raw_target).substr(mark + 1));
    std::string body;
    for (BodyReader b = BodyReader::of_request(*head); !b.done();) body += b.next(reader);

    Json headers = Json::object();
    for (const auto& [name, value] : head->headers) {
      std::string key = lower(name), text = latin1_to_utf8(value);
      if (hidden_.contains(key)) continue;
      headers.set(key, Json::text(headers.has(key) ? headers.at(key).str() + ", " + text : text));
    }
    std::string text = is_utf8(body) ? body : "base64:" + base64(body);
    if (body.size() > kBigBody) text = std::to_string(body.size()) + " bytes, sha256 " + sha256_hex(body);

    Json record = Json::object();
    record.set("method", Json::text(method));
    record.set("path", Json::text(path));
    record.set("query", query);
    record.set("headers", std::move(headers));
    record.set("body", Json::text(text));
    {
      std::lock_guard lock(mutex_);
      seen_.push_back(record);
      seen_.back().set("target", Json::text(target));
    }
    Json route = match(method, path, query);
    if (long long delay = route.at("delay_ms").whole(); delay > 0) {
      std::unique_lock lock(mutex_);
      ending_signal_.wait_for(lock, Limit(delay), [&] { return ending_; });
    }
    if (route.at("close").truth()) return connection.wire->shutdown_both();
    bool closing = will_close(*head) || line.ends_with("HTTP/1.0");
    if (!reply(*connection.wire, method, route, record) || closing) return;
  }
}

bool MockBackend::reply(Wire& wire, const std::string& method, const Json& route, const Json& record) {
  std::string data, type;
  if (route.at("echo").truth()) {
    data = record.dump({true, true, false});
    type = "application/json";
  } else if (route.has("text")) {
    data = expand(route.at("text"));
    type = "text/plain; charset=utf-8";
  } else if (route.has("base64")) {
    data = from_base64(route.at("base64").str());
    type = "application/octet-stream";
  } else if (route.has("body")) {
    data = route.at("body").dump({true, false, false});
    type = "application/json";
  }
  int status = static_cast<int>(route.at("status").whole(200));
  std::string head = "HTTP/1.1 " + std::to_string(status) + " " + reason(status) + "\r\n";
  bool keep = true, has_date = false, has_type = false;
  std::string fields;
  auto add = [&](const std::string& name, const std::string& value) {
    fields += name + ": " + utf8_to_latin1(value) + "\r\n";
    if (same_name(name, "Connection") && same_name(value, "close")) keep = false;
    has_date |= same_name(name, "Date");
    has_type |= same_name(name, "Content-Type");
  };
  for (const auto& [name, value] : route.at("headers").members()) {
    if (value.is(Json::Kind::array)) {
      for (const Json& one : value.items()) add(name, one.str());
    } else {
      add(name, value.str());
    }
  }
  if (!has_date) head += "Date: " + http_date() + "\r\n";
  head += fields;
  if (!type.empty() && !has_type) head += "Content-Type: " + type + "\r\n";
  if (route.at("gzip").truth()) {
    data = gzip(data);
    head += "Content-Encoding: gzip\r\n";
  }
  if (route.at("chunked").truth()) {
    head += "Transfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < data.size(); i += 1000) {
      std::string piece = data.substr(i, 1000);
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      head += size + piece + "\r\n";
    }
    head += "0\r\n\r\n";
  } else {
    long long missing = route.at("missing_bytes").whole();
    if (status != 204) head += "Content-Length: " + std::to_string(static_cast<long long>(data.size()) + missing) + "\r\n";
    head += "\r\n";
    if (method != "HEAD" && status != 204 && status != 304) head += data;
  }
  wire.write(head);
  return keep && route.at("missing_bytes").whole() == 0;
}

}  // namespace sluice::test
