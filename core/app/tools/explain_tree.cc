#include "core/app/tools/explain_tree.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <vector>

#include "core/app/tools/style.h"

namespace sluice::app {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

struct Tree {
  std::string text;
  std::vector<Tree> below;
  Tree& add(std::string line) { return below.emplace_back(Tree{std::move(line), {}}); }
};

void print(const Tree& t, const std::string& indent, std::string& out) {
  for (size_t i = 0; i < t.below.size(); ++i) {
    const bool last = i + 1 == t.below.size();
    out += indent + (last ? "└─ " : "├─ ") + t.below[i].text + "\n";
    print(t.below[i], indent + (last ? "   " : "│  "), out);
  }
}

std::string text_of(const object& o, std::string_view key) {
  const value* v = o.if_contains(key);
  if (!v || v->is_null()) return {};
  return v->is_string() ? std::string{v->get_string()} : boost::json::serialize(*v);
}
const array& list_of(const object& o, std::string_view key) {
  static const array kNone;
  const value* v = o.if_contains(key);
  return v && v->is_array() ? v->get_array() : kNone;
}
const object& object_of(const object& o, std::string_view key) {
  static const object kNone;
  const value* v = o.if_contains(key);
  return v && v->is_object() ? v->get_object() : kNone;
}
const object& at(const value& v) {
  static const object kNone;
  return v.is_object() ? v.get_object() : kNone;
}

std::string time_of(const object& o, std::string_view key) {
  const value* v = o.if_contains(key);
  if (!v || !v->is_number()) return {};
  const double us = v->to_number<double>();
  char text[32];
  if (us < 1000) std::snprintf(text, sizeof text, "%.1f us", us);
  else if (us < 1'000'000) std::snprintf(text, sizeof text, "%.2f ms", us / 1000);
  else std::snprintf(text, sizeof text, "%.2f s", us / 1'000'000);
  return text;
}

std::string good(const std::string& s) { return painted(s, "32", 1); }
std::string bad(const std::string& s) { return painted(s, "31", 1); }
std::string faint(const std::string& s) { return s.empty() ? s : painted(s, "2", 1); }
std::string head(const std::string& s) { return painted(s, "1", 1); }

// "  label value", or nothing.
std::string labelled(std::string_view label, const std::string& v) { return v.empty() ? "" : "  " + std::string{label} + (label.empty() ? "" : " ") + v; }

std::string status_of(const object& o) {
  std::string s = text_of(o, "status");
  return s.empty() ? s : s < "400" ? good(s) : bad(s);
}

void stages(const object& of, Tree& into) {
  for (const value& v : list_of(of, "stages")) {
    const object& s = at(v);
    std::string decision = text_of(s, "decision"), level = text_of(s, "level");
    const bool failed = decision == "fail" || decision == "suspended";
    into.add((level == "backend" ? "" : level + "  ") + head(text_of(s, "name")) + "  " + text_of(s, "hook") + "  " + (failed ? bad(decision) : decision) +
             labelled("", text_of(s, "why")) + "  " + faint(time_of(s, "run_us")) + faint(labelled("waited", time_of(s, "waited_us"))));
  }
}

void calls(const object& backend, Tree& into) {
  const array& list = list_of(backend, "calls");
  for (const value& v : list) {
    const object& c = at(v);
    Tree* place = &into;
    if (list.size() > 1)
      place = &into.add("call at " + time_of(c, "at_us") + labelled("", status_of(c)) + labelled("total", time_of(c, "total_us")) +
                        (c.if_contains("cut_off") ? bad("  cut off") : "") + (text_of(c, "used") == "true" ? good("  used") : "") +
                        labelled("", text_of(c, "error")));
    for (const value& q : list_of(c, "requests")) {
      const object& r = at(q);
      place->add(text_of(r, "method") + " " + text_of(r, "host") + text_of(r, "target") + labelled("", status_of(r)) +
                 (text_of(r, "reused_connection") == "true" ? faint("  reused connection") : labelled("connect", time_of(r, "connect_us"))) +
                 labelled("tls", time_of(r, "tls_us")) + labelled("first byte", time_of(r, "first_byte_us")) + labelled("total", time_of(r, "total_us")) +
                 "  " + text_of(r, "bytes") + " bytes" + (text_of(r, "error").empty() ? "" : "  " + bad(text_of(r, "error"))));
    }
    stages(c, *place);
  }
}

// "resp0 items", with what happened to it.
std::string origin(const object& o) {
  std::string backend = text_of(o, "backend"), path = text_of(o, "path"), out;
  if (!backend.empty()) out = "resp" + backend + " " + (path.empty() ? "(all of it)" : path);
  for (const value& rule : list_of(o, "rules"))
    if (rule.is_string()) out += (out.empty() ? "" : "  ") + faint(std::string{rule.get_string()});
  return out;
}

}  // namespace

std::string explain_tree(const object& account) {
  const object &e = object_of(account, "explain"), &answer = object_of(account, "answer");
  const object &request = object_of(e, "request"), &route = object_of(e, "route");
  Tree top;
  {
    std::string taken = text_of(route, "taken_by");
    Tree& t = top.add(head("route") + "  " +
                      (taken == "endpoint" ? text_of(route, "methods") + " " + text_of(route, "endpoint") + labelled("", text_of(route, "condition")) +
                                                 faint("  " + text_of(route, "pointer"))
                       : taken == "nobody" ? bad("no endpoint takes it")
                                           : "the gateway itself: " + taken));
    for (const auto& p : object_of(route, "params")) t.add(std::string{p.key()} + " = " + boost::json::serialize(p.value()));
  }
  if (!list_of(e, "stages").empty()) stages(e, top.add(head("plugins")));
  if (!list_of(e, "backends").empty()) {
    Tree& t = top.add(head("backends"));
    for (const value& v : list_of(e, "backends")) {
      const object& b = at(v);
      std::string fate = text_of(b, "fate"), name = text_of(b, "name");
      calls(b, t.add("resp" + text_of(b, "backend") + labelled("", name) + "  " + text_of(b, "url_pattern") + "  " + (fate == "ok" ? good(fate) : bad(fate)) +
                     labelled("", text_of(b, "why"))));
    }
  }
  if (std::string passed = text_of(e, "document"); !passed.empty()) top.add(head("body") + "  " + passed);
  if (!list_of(e, "fields").empty()) {
    Tree& t = top.add(head("fields"));
    for (const value& v : list_of(e, "fields")) {
      const object& f = at(v);
      const array& from = list_of(f, "from");
      Tree& line = t.add(head(text_of(f, "path")));
      if (from.size() == 1) line.text += "  " + origin(at(from[0]));
      else
        for (const value& o : from) line.add(origin(at(o)));
    }
  }
  if (!list_of(e, "missing").empty()) {
    Tree& t = top.add(head("missing"));
    for (const value& v : list_of(e, "missing")) {
      const object& m = at(v);
      std::string backend = text_of(m, "backend"), path = text_of(m, "path"), of = text_of(m, "of"), line;
      if (!backend.empty()) line = "resp" + backend + " " + (path.empty() ? "(all of it)" : path) + "  ";
      else if (!of.empty()) line = of + "  ";
      Tree& place = t.add(line + text_of(m, "why"));
      for (const value& name : list_of(m, "would_be"))
        if (name.is_string()) place.add("would be " + std::string{name.get_string()});
    }
  }
  top.add(head("answer") + "  " + status_of(answer) + "  " + text_of(answer, "body_bytes") + " bytes" +
          (answer.if_contains("broken_off") ? bad("  broken off") : ""));
  std::string out = head(text_of(request, "method") + " " + text_of(request, "target")) + "  " + status_of(answer) + "  " + time_of(e, "total_us") + "\n";
  print(top, "", out);
  return out;
}

}  // namespace sluice::app
