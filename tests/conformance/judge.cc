#include "tests/conformance/judge.h"

#include <algorithm>
#include <set>

#include "tests/conformance/mock_backend.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

const std::set<std::string> kVolatile{"date", "x-krakend", "content-length", "connection", "transfer-encoding", "keep-alive",
                                      "server", "trailer"};

std::set<std::string> lower_set(const Json& list) {
  std::set<std::string> out;
  for (const Json& item : list.items()) out.insert(lower(item.str()));
  return out;
}

std::string brief(const Json& value, size_t limit = 200) {
  return shortened(value.is(Json::Kind::string) ? value.str() : value.dump({true, false, true}), limit);
}

// Numbers by literal, any order of keys, no duplicates.
bool same_json_text(const std::string& a, const std::string& b) {
  bool duplicates_a, duplicates_b;
  auto x = Json::parse(a, &duplicates_a), y = Json::parse(b, &duplicates_b);
  return x && y && !duplicates_a && !duplicates_b && *x == *y;
}

bool same_field(const std::string& key, const Json& want, const Json& got) {
  if (want == got) return true;
  bool texts = want.is(Json::Kind::string) && got.is(Json::Kind::string) && !want.str().empty() && !got.str().empty();
  return key == "body" && texts && same_json_text(want.str(), got.str());
}

Json seen_request(const Json& record, bool exact_target, const Unfill& unfill) {
  Json out = Json::object();
  for (const auto& [key, value] : record.members()) {
    bool wanted = (value.truth() || key == "method" || key == "path") && (key != "target" || exact_target);
    if (wanted) out.set(key, value);
  }
  return Json::parse_or_throw(unfill(out.dump()), "a recorded request");
}

Json with_defaults(Json request) {
  if (!request.has("query")) request.set("query", Json::object());
  if (!request.has("headers")) request.set("headers", Json::object());
  if (!request.has("body")) request.set("body", Json::text(""));
  return request;
}

void compare_seen(const Json& step, const Json& want, const Json& got, std::vector<std::string>& out) {
  std::set<std::string> names;
  for (const auto& [name, list] : want.members()) names.insert(name);
  for (const auto& [name, list] : got.members()) names.insert(name);
  for (const std::string& name : names) {
    std::vector<Json> a, b;
    for (const Json& r : want.at(name).items()) a.push_back(with_defaults(r));
    for (const Json& r : got.at(name).items()) b.push_back(with_defaults(r));
    if (!step.at("ordered").truth()) {
      auto before = [](const Json& x, const Json& y) { return x.dump({true, true, true}) < y.dump({true, true, true}); };
      std::stable_sort(a.begin(), a.end(), before);
      std::stable_sort(b.begin(), b.end(), before);
    }
    if (a.size() != b.size()) {
      out.push_back("backend " + name + " saw " + std::to_string(b.size()) + " requests, expected " + std::to_string(a.size()));
      continue;
    }
    for (size_t i = 0; i < a.size(); ++i) {
      for (const auto& [key, value] : a[i].members()) {
        if (!same_field(key, value, b[i].at(key))) {
          out.push_back("backend " + name + " saw " + key + ": expected " + brief(value) + ", got " + brief(b[i].at(key)));
        }
      }
    }
  }
}

}  // namespace

std::string shortened(const std::string& text, size_t limit) { return text.size() <= limit ? text : text.substr(0, limit) + "…"; }

Json shape_of(const Json& v) {
  switch (v.kind()) {
    case Json::Kind::object: {
      Json out = Json::object();
      for (const auto& [key, value] : v.members()) out.set(key, shape_of(value));
      return out;
    }
    case Json::Kind::array: {
      Json out = Json::array();
      for (const Json& item : v.items()) out.push(shape_of(item));
      return out;
    }
    case Json::Kind::number: return Json::text(v.str().find_first_of(".eE") == std::string::npos ? "int" : "float");
    case Json::Kind::string: return Json::text("str");
    case Json::Kind::boolean: return Json::text("bool");
    default: return Json::text("NoneType");
  }
}

Json describe_body(const std::string& body, bool exact, bool shape, const Unfill& unfill) {
  Json out = Json::object();
  if (body.size() > kBigBody) {
    out.set("length", Json::integer(static_cast<long long>(body.size())));
    out.set("sha256", Json::text(sha256_hex(body)));
  } else if (!is_utf8(body)) {
    out.set("base64", Json::text(base64(body)));
  } else {
    std::string text = unfill(body);
    bool duplicates = false;
    auto value = exact ? std::nullopt : Json::parse(text, &duplicates);
    if (value && shape) {
      out.set("json_shape", shape_of(*value));
    } else if (value && !duplicates) {
      out.set("json_text", Json::text(text));
    } else {
      out.set("text", Json::text(text));
    }
  }
  return out;
}

Json describe(const Json& step, const std::vector<Answer>& answers, const Seen& seen, const Unfill& unfill) {
  Json got = Json::object();
  const Answer& last = answers.back();
  std::vector<Json> statuses;
  for (const Answer& a : answers) statuses.push_back(a.status());
  if (answers.size() > 1) {
    if (step.at("parallel").truth()) {
      std::stable_sort(statuses.begin(), statuses.end(), [](const Json& a, const Json& b) { return a.str() < b.str(); });
    }
    Json list = Json::array();
    for (const Json& s : statuses) list.push(s);
    got.set("statuses", std::move(list));
  }
  bool differ = std::any_of(statuses.begin(), statuses.end(), [&](const Json& s) { return !(s == statuses[0]); });
  if (step.at("parallel").truth() && answers.size() > 1 && differ) {
    // which answer came last is chance
  } else if (!last.error.empty()) {
    got.set("connection_error", Json::text(last.error));
  } else if (step.at("only_status").truth()) {
    got.set("status", last.status());
  } else {
    got.set("status", last.status());
    Json body = describe_body(last.response.body, step.at("exact").truth(), step.at("shape").truth(), unfill);
    for (auto& [key, value] : body.members()) got.set(key, std::move(value));
    if (last.response.truncated) got.set("truncated", Json(true));
    std::set<std::string> also = lower_set(step.at("headers_also"));
    Json headers = Json::object();  // lower-case name -> value, or list of values
    for (const auto& [name, raw] : last.response.headers) {
      std::string key = lower(name);
      if (kVolatile.contains(key) && !also.contains(key)) continue;
      Json value = Json::text(unfill(latin1_to_utf8(raw)));
      Json* there = headers.find(key);
      if (there == nullptr) {
        headers.set(key, std::move(value));
      } else if (there->is(Json::Kind::array)) {
        there->push(std::move(value));
      } else {
        Json list = Json::array();
        list.push(*there);
        list.push(std::move(value));
        *there = std::move(list);
      }
    }
    got.set("headers", std::move(headers));
  }
  if (!step.at("only_status").truth() && !step.at("no_backend").truth()) {
    Json all = Json::object();
    for (const auto& [name, requests] : seen) {
      if (requests.empty()) continue;
      Json list = Json::array();
      for (const Json& r : requests) list.push(seen_request(r, step.at("exact_target").truth(), unfill));
      all.set(name, std::move(list));
    }
    got.set("backend_saw", std::move(all));
  }
  return got;
}

std::vector<std::string> compare(const Json& step, const Json& want, const Json& got, const std::vector<Answer>& answers) {
  std::vector<std::string> out;
  if (want.at("connection_error").truth()) {
    if (!got.has("connection_error")) out.push_back("answered " + brief(got.at("status")) + ", expected a closed connection");
  } else if (got.has("connection_error")) {
    return {"no answer (" + answers.back().error + "), expected status " + brief(want.at("status"))};
  }
  for (const char* key : {"status", "statuses", "truncated", "exit_code", "text", "json_shape", "base64", "length", "sha256"}) {
    if (!want.has(key) || (got.has(key) && want.at(key) == got.at(key))) continue;
    const Json* have = got.find(key);
    for (const char* other : {"json_text", "text", "length"}) have = have != nullptr ? have : got.find(other);
    out.push_back(std::string(key) + ": expected " + brief(want.at(key)) + ", got " + (have != nullptr ? brief(*have) : "nothing"));
  }
  if (want.has("json") || want.has("json_text")) {
    std::string expected = want.has("json_text") ? want.at("json_text").str() : want.at("json").dump({true, false, false});
    const Json* text = got.has("json_text") ? got.find("json_text") : got.find("text");
    std::string actual = text != nullptr ? text->str() : "";
    if (!same_json_text(expected, actual)) out.push_back("json: expected " + shortened(expected) + ", got " + shortened(actual));
  }
  const Json& have = got.at("headers");
  for (const auto& [name, value] : want.at("headers").members()) {
    const Json* found = have.find(lower(name));
    if (found == nullptr || !(*found == value)) {
      out.push_back("header " + name + ": expected " + brief(value) + ", got " + (found != nullptr ? brief(*found) : "none"));
    }
  }
  for (const Json& name : want.at("absent").items()) {
    if (const Json* found = have.find(lower(name.str()))) out.push_back("header " + name.str() + ": expected none, got " + brief(*found));
  }
  if (want.has("backend_saw")) compare_seen(step, want.at("backend_saw"), got.at("backend_saw"), out);
  return out;
}

}  // namespace sluice::test
