// Answers that no backend gives: redirects, 404, 405, health, debug, echo (config.md §8, pipeline.md §2.2).
#include <ctime>

#include "core/document/write.h"
#include "core/log/log.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {
namespace {

std::string html_escape(std::string_view s) {
  std::string out;
  for (char c : s) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  return out;
}

std::string timestamp() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  tm t;
  localtime_r(&ts.tv_sec, &t);
  char text[80], zone[16];
  strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &t);
  strftime(zone, sizeof zone, "%z %Z", &t);
  char out[128];
  snprintf(out, sizeof out, "%s.%09ld %s", text, ts.tv_nsec, zone);
  return out;
}

void member(std::string& out, std::string_view key, std::string_view value) {
  if (out.back() != '{') out += ',';
  document::append_json_string(out, key);
  out += ':';
  document::append_json_string(out, value);
}

}  // namespace

void Exchange::answer_redirect(std::string_view location, bool slash_only) {
  skip_log_ = true;  // never access-logged
  // "//name" would send the client to another host.
  while (location.starts_with("//")) location.remove_prefix(1);
  // Of the two redirects only this one knows of proxies that take off a prefix (pipeline.md §2.2).
  if (slash_only) location = arena().concat(forwarded_prefix(arena(), in.headers.get("X-Forwarded-Prefix")), location);
  std::string_view target = escape_path(arena(), location);
  if (head().has_query && !head().query.empty()) target = arena().concat(target, "?", head().query);
  answer_.headers.add("Location", target);
  if (head().method == "GET") {
    set_answer(301, "text/html; charset=utf-8",
               arena().concat("<a href=\"", html_escape(target), "\">Moved Permanently</a>.\n\n"));
  } else {
    set_answer(307, {}, {});
  }
}

void Exchange::answer_unknown(int status, std::string_view allow) {
  const Generation& g = generation();
  add_version_headers(false);
  if (status == 405 && !allow.empty()) answer_.headers.add("Allow", allow);  // RFC 9110 §15.5.6
  const config::RouterOptions& o = g.config->router;
  const bool own = (status == 404 ? o.error_body_404 : o.error_body_405).has_value();  // written for this very case
  if (g.config->problem_json && !own)
    refuse(status, {}, {}, status == 404 ? "there is nothing at this path" : "the path is there, but not for this method");
  else if (status == 404)
    set_answer(404, g.type_404, g.body_404);
  else
    set_answer(405, g.type_405, g.body_405);
}

loop::Task<void> Exchange::answer_builtin(const Route& route) {
  static constexpr std::string_view kJson = "application/json; charset=utf-8";
  if (route.builtin == Builtin::auto_options) {
    answer_.headers.add("Allow", route.allow);
    answer_.headers.add("X-Krakend", generation().version_header);
    set_answer(200, {}, {});
    co_return;
  }
  if (route.builtin == Builtin::health) {
    set_answer(200, kJson, arena().concat(R"({"agents":{},"now":")", timestamp(), R"(","status":"ok"})"));
    co_return;
  }
  if (has_body) {
    worker().loop.deadlines().arm(deadline_, generation().hook_timeout_ms);
    auto reading = read_body();
    if (!co_await reading) co_return;
  }
  const http::RequestHead& h = head();
  std::string details, query = "{", headers = "{";
  auto lists = [](std::string& out, auto each) {
    // name → list of values, names in order of first appearance
    std::vector<std::pair<std::string, std::string>> all;
    each([&](std::string name, std::string_view value) {
      std::string text;
      document::append_json_string(text, value);
      for (auto& [n, list] : all)
        if (n == name) {
          list += "," + text;
          return;
        }
      all.emplace_back(std::move(name), std::move(text));
    });
    for (auto& [n, list] : all) {
      if (out.back() != '{') out += ',';
      document::append_json_string(out, n);
      out += ":[" + list + "]";
    }
    out += '}';
  };
  lists(query, [&](auto add) {
    std::string_view rest = filter_query(arena(), h.query, true, {}, nullptr);
    while (!rest.empty()) {
      size_t amp = rest.find('&');
      std::string_view one = rest.substr(0, amp);
      rest = amp == rest.npos ? std::string_view{} : rest.substr(amp + 1);
      size_t eq = one.find('=');
      add(percent_decode(one.substr(0, eq), true).value_or(""), percent_decode(one.substr(eq + 1), true).value_or(""));
    }
  });
  lists(headers, [&](auto add) {
    for (const http::Header& one : h.headers)
      if (!iequals(one.name, "Host")) add(canonical_header(one.name), one.value);
  });
  if (route.builtin == Builtin::debug) {
    if (log::enabled(log::Level::debug)) {
      log::print(log::Level::debug, "[ENDPOINT: /__debug/*] Method: ", h.method);
      log::print(log::Level::debug, "[ENDPOINT: /__debug/*] URL: ", h.target);
      log::print(log::Level::debug, "[ENDPOINT: /__debug/*] Query: ", query);
      log::print(log::Level::debug, "[ENDPOINT: /__debug/*] Params: ", "[{param " + std::string{path_.substr(path_.find("/__debug") + 8)} + "}]");
      log::print(log::Level::debug, "[ENDPOINT: /__debug/*] Headers: ", headers);
      log::print(log::Level::debug, "[ENDPOINT: /__debug/*] Body: ", body);
    }
    set_answer(200, kJson, R"({"message":"pong"})");
    co_return;
  }
  std::string out = "{";
  member(out, "req_uri", h.target);
  std::string uri = "{";
  member(uri, "fragment", "");
  member(uri, "host", h.host);
  member(uri, "path", in.path);
  member(uri, "query", h.query);
  member(uri, "user", "");
  out += ",\"req_uri_details\":" + uri + "}";
  member(out, "req_method", h.method);
  out += ",\"req_querystring\":" + query;
  member(out, "req_body", body);
  out += ",\"req_headers\":" + headers + "}";
  set_answer(200, kJson, arena().copy(out));
}

}  // namespace sluice::pipeline
