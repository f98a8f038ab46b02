#include "core/app/check/cases.h"

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/text.h"
#include "core/config/report.h"

namespace sluice::app::check {

namespace json = boost::json;

namespace {

std::string shown(const json::value& v) {
  const std::string text = json::serialize(v);
  return text.size() > 300 ? text.substr(0, 297) + "..." : text;
}
std::string quoted(const std::string& text) { return shown(json::value(text)); }

bool same_scalar(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  return a == b;
}

// What `wanted` has must be in `got`; lists have to be as long.
void compare(const json::value& wanted, const json::value& got, const std::string& at, std::vector<std::string>& out) {
  const std::string where = "body" + (at.empty() ? "" : " " + at) + ": ";
  if (wanted.is_object() && got.is_object()) {
    for (const auto& m : wanted.get_object()) {
      const std::string here = config::join(at, m.key());
      if (const json::value* v = got.get_object().if_contains(m.key())) compare(m.value(), *v, here, out);
      else out.push_back("body " + here + ": wanted " + shown(m.value()) + ", got nothing");
    }
  } else if (wanted.is_array() && got.is_array()) {
    const auto &w = wanted.get_array(), &g = got.get_array();
    if (w.size() != g.size())
      out.push_back(where + "wanted " + std::to_string(w.size()) + " elements, got " + std::to_string(g.size()) + ": " + shown(got));
    for (size_t i = 0; i < std::min(w.size(), g.size()); ++i) compare(w[i], g[i], config::join(at, i), out);
  } else if (!same_scalar(wanted, got)) {
    out.push_back(where + "wanted " + shown(wanted) + ", got " + shown(got));
  }
}

struct Reader {
  std::string wrong;
  void complain(const std::string& pointer, const std::string& what) {
    if (wrong.empty()) wrong = (pointer.empty() ? "/" : pointer) + ": " + what;
  }
  std::string text(const json::object& o, std::string_view key, const std::string& at, std::string otherwise) {
    const json::value* v = o.if_contains(key);
    if (!v) return otherwise;
    if (v->is_string()) return std::string{v->get_string()};
    complain(config::join(at, key), "a text is wanted");
    return otherwise;
  }
  // Members that nobody knows are mistakes: a misspelt expectation would never fail.
  void only(const json::object& o, const std::string& at, std::initializer_list<std::string_view> known) {
    for (const auto& m : o)
      if (std::find(known.begin(), known.end(), std::string_view{m.key()}) == known.end()) {
        const std::string_view near = nearest(std::string_view{m.key()}, known);
        complain(config::join(at, m.key()), "is not known here" + (near.empty() ? std::string{} : "; did you mean \"" + std::string{near} + "\"?"));
      }
  }
};

}  // namespace

Result<Cases, Problem> read_cases(const std::string& source) {
  json::error_code ec;
  const json::value root = json::parse(source, ec);
  if (ec) return Problem{"is no JSON: " + ec.message()};
  Cases out;
  Reader r;
  const json::object* top = root.if_object();
  const json::value* list = top ? top->if_contains("cases") : nullptr;
  if (!list || !list->is_array() || list->get_array().empty()) return Problem{"/cases: a list of cases is wanted, not empty"};
  r.only(*top, "", {"cases", "log"});
  for (size_t i = 0; i < list->get_array().size(); ++i) {
    const std::string at = config::join("/cases", i);
    const json::object* o = list->get_array()[i].if_object();
    const json::value* request = o ? o->if_contains("request") : nullptr;
    const json::value* expect = o ? o->if_contains("expect") : nullptr;
    if (!request || !request->is_object() || !expect || !expect->is_object() || expect->get_object().empty())
      return Problem{at + ": an object with \"request\" and \"expect\" is wanted, both objects, and something must be expected"};
    r.only(*o, at, {"name", "request", "expect"});
    const json::object& q = request->get_object();
    r.only(q, at + "/request", {"method", "path", "headers", "body"});
    r.only(expect->get_object(), at + "/expect", {"status", "headers", "body", "text", "contains"});
    Case c;
    c.method = r.text(q, "method", at + "/request", "GET");
    c.path = r.text(q, "path", at + "/request", "");
    c.name = r.text(*o, "name", at, c.method + " " + c.path);
    c.expect = expect->get_object();
    if (!c.path.starts_with('/') || c.path.find_first_of(" \r\n") != c.path.npos)
      r.complain(at + "/request/path", "a path that begins with / is wanted, without blanks");
    if (!is_token(c.method)) r.complain(at + "/request/method", "is no method");
    if (const json::value* h = q.if_contains("headers")) {
      if (!h->is_object()) r.complain(at + "/request/headers", "an object is wanted");
      else
        for (const auto& m : h->get_object()) {
          if (!m.value().is_string() || !is_token(std::string_view{m.key()}) || !is_field_value(std::string_view{m.value().get_string()}))
            r.complain(config::join(at + "/request/headers", m.key()), "no header with a text as value");
          else
            c.headers.append(m.key()).append(": ").append(m.value().get_string()).append("\r\n");
        }
    }
    if (const json::value* b = q.if_contains("body")) {
      c.body = b->is_string() ? std::string{b->get_string()} : json::serialize(*b);
      if (!b->is_string() && !q.contains("headers")) c.headers += "Content-Type: application/json\r\n";
    }
    if (const json::value* s = c.expect.if_contains("status"); s && !s->is_int64()) r.complain(at + "/expect/status", "a number is wanted");
    for (const char* key : {"text", "contains"}) r.text(c.expect, key, at + "/expect", "");
    if (const json::value* h = c.expect.if_contains("headers")) {
      if (!h->is_object()) r.complain(at + "/expect/headers", "an object is wanted");
      else
        for (const auto& m : h->get_object())
          if (!m.value().is_string() && !m.value().is_null())
            r.complain(config::join(at + "/expect/headers", m.key()), "a text is wanted, or null where there must be none");
    }
    out.list.push_back(std::move(c));
  }
  if (const json::value* log = top->if_contains("log")) {
    if (!log->is_array()) r.complain("/log", "a list of texts is wanted");
    else
      for (const json::value& line : log->get_array())
        if (line.is_string()) out.log.emplace_back(line.get_string());
        else r.complain("/log", "a list of texts is wanted");
  }
  if (!r.wrong.empty()) return Problem{r.wrong};
  return out;
}

std::vector<std::string> differences(const Case& c, const Answer& a) {
  std::vector<std::string> out;
  if (!a.status) return {a.problem};
  if (const json::value* s = c.expect.if_contains("status"); s && s->get_int64() != a.status)
    out.push_back("status: wanted " + std::to_string(s->get_int64()) + ", got " + std::to_string(a.status));
  if (const json::value* h = c.expect.if_contains("headers"))
    for (const auto& m : h->get_object()) {
      const std::string got = a.header(std::string_view{m.key()});
      const std::string name = "header " + std::string{m.key()} + ": ";
      if (m.value().is_null()) {
        if (!got.empty()) out.push_back(name + "wanted none, got " + quoted(got));
      } else if (got != std::string_view{m.value().get_string()}) {
        out.push_back(name + "wanted " + shown(m.value()) + ", got " + (got.empty() ? "none" : quoted(got)));
      }
    }
  if (const json::value* t = c.expect.if_contains("text"); t && a.body != std::string_view{t->get_string()})
    out.push_back("body: wanted " + shown(*t) + ", got " + quoted(a.body));
  if (const json::value* t = c.expect.if_contains("contains"); t && a.body.find(std::string_view{t->get_string()}) == a.body.npos)
    out.push_back("body: wanted to contain " + shown(*t) + ", got " + quoted(a.body));
  if (const json::value* b = c.expect.if_contains("body")) {
    json::error_code ec;
    const json::value got = json::parse(a.body, ec);
    if (ec) out.push_back("body: wanted " + shown(*b) + ", got " + quoted(a.body) + ", which is no JSON");
    else compare(*b, got, "", out);
  }
  return out;
}

}  // namespace sluice::app::check
