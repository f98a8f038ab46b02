// The block `sluice` of the root, of endpoints and backends. Nothing of it is the reference's, so nothing is forgiven: what does
// not fit is an error.
#include <algorithm>

#include "core/base/text.h"
#include "core/config/reader.h"
#include "core/config/sections.h"

namespace sluice::config {
namespace {

constexpr std::string_view kStrategies[] = {"overwrite", "first", "deep", "concat", "error", "zip by NAME"};
constexpr std::string_view kHeaderRules[] = {"overwrite", "first", "append"};
constexpr std::string_view kPartsPlaces[] = {"header", "body", "both"};
constexpr std::string_view kHttp2[] = {"never", "offer", "always"};

template <class List>
std::string list_of(const List& names) {
  std::string out;
  for (std::string_view n : names) out += (out.empty() ? "" : ", ") + std::string{n};
  return out;
}

template <class List>
bool is_one_of(const std::string& text, const List& names) {
  return std::find(std::begin(names), std::end(names), text) != std::end(names);
}

bool is_strategy(const std::string& text) {
  if (text.starts_with("zip by ")) return text.size() > 7;
  return text != "zip by NAME" && is_one_of(text, kStrategies);
}

// "resp0" … "resp9999"
bool is_step(std::string_view text) {
  if (!text.starts_with("resp")) return false;
  text.remove_prefix(4);
  return text.size() <= 4 && parse_decimal<uint32_t>(text).has_value();
}

bool is_name(std::string_view s) {
  auto letter = [](char c) { return lower(c) >= 'a' && lower(c) <= 'z'; };
  return !s.empty() && letter(s[0]) && std::all_of(s.begin(), s.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

void refuse(Reading& reading, const std::string& pointer, std::string_view wanted, const std::string& found, std::span<const std::string_view> names = {}) {
  reading.error(pointer, "expected " + std::string{wanted} + ", found " + quote(found) + suggestion(found, names));
}

Located located(Options& from, std::string_view key) {
  auto text = from.text(key);
  return {text.value_or(""), from.pointer_of(key)};
}

std::vector<std::pair<std::string, Located>> located_pairs(Options& from, std::string_view key) {
  std::vector<std::pair<std::string, Located>> out;
  for (auto& [name, text] : from.pairs(key)) out.emplace_back(name, Located{text, join(from.pointer_of(key), name)});
  return out;
}

void read_http2(Options& block, Reading& reading, Http2* out) {
  auto text = block.text("http2");
  if (!text) return;
  const auto* found = std::find(std::begin(kHttp2), std::end(kHttp2), *text);
  if (found == std::end(kHttp2)) refuse(reading, block.pointer_of("http2"), "one of " + list_of(kHttp2), *text, kHttp2);
  else *out = static_cast<Http2>(found - std::begin(kHttp2));
}

void read_merge(Options& block, Reading& reading, Aggregation& a) {
  const boost::json::value* v = block.object("merge");
  if (!v) return;
  Block inner{"merge", v, block.pointer_of("merge")};
  Options merge{reading, &inner, kMergeBlock, true};
  a.merge = located(merge, "strategy");
  if (merge.find("strategy") && !is_strategy(a.merge.text)) {
    if (merge.find("strategy")->is_string()) refuse(reading, a.merge.pointer, "one of " + list_of(kStrategies), a.merge.text, kStrategies);
    a.merge.text.clear();
  }
  for (auto& [path, strategy] : located_pairs(merge, "keys")) {
    if (is_strategy(strategy.text)) a.merge_keys.emplace_back(path, strategy);
    else refuse(reading, strategy.pointer, "one of " + list_of(kStrategies), strategy.text, kStrategies);
  }
  merge.finish();
}

void read_explain(Options& block, Reading& reading, Config& config) {
  const boost::json::value* v = block.object("explain");
  if (!v) return;
  Block inner{"explain", v, block.pointer_of("explain")};
  Options options{reading, &inner, kExplainBlock, true};
  Explain& e = config.explain.emplace();
  if (auto secret = options.text("secret")) {
    constexpr size_t kShortest = 16;
    if (secret->size() < kShortest)
      reading.error(options.pointer_of("secret"),
                    "expected at least 16 characters, found " + std::to_string(secret->size()) + ": a short secret can be guessed");
    e.secret = std::move(*secret);
  }
  if (auto text = options.text("max_age")) {
    auto d = parse_duration(*text);
    if (d) e.max_age = std::clamp<Duration>(*d, std::chrono::seconds{1}, std::chrono::hours{24});
    else reading.error(options.pointer_of("max_age"), "expected a duration such as \"60s\", found " + quote(*text));
  }
  options.finish();
}

void read_status(Options& block, Reading& reading, Aggregation& a) {
  a.status = located(block, "status");
  if (const boost::json::value* v = block.find("status");
      v && v->is_string() && a.status.text != "worst" && a.status.text != "first" && !is_step(a.status.text)) {
    static constexpr std::string_view kRules[] = {"worst", "first", "resp0"};
    refuse(reading, a.status.pointer, "\"worst\", \"first\" or a backend such as \"resp0\"", a.status.text, kRules);
    a.status.text.clear();
  }
  for (const Block& one : block.objects("status_when")) {
    Options fields{reading, &one, kStatusCaseBlock, true};
    Aggregation::StatusCase c;
    c.when = located(fields, "when");
    c.status = static_cast<uint16_t>(fields.integer("status", 0, 200, 599));
    for (std::string_view key : {"when", "status"})
      if (!fields.find(key)) reading.error(one.pointer, "expected a " + quote(key) + ": a case such as {\"when\": \"{resp0.status} == 404\", \"status\": 404}");
    if (c.status && !c.when.text.empty()) a.status_when.push_back(std::move(c));
    fields.finish();
  }
}

// Of a body that is held whole, in bytes.
void read_bound(Options& block, std::string_view key, uint64_t* bound) {
  *bound = static_cast<uint64_t>(block.integer(key, static_cast<int64_t>(*bound), kLeastBound, kMostBound));
}

// A block with at least one key, and none but these.
bool has_only(const Block& block, std::span<const std::string_view> keys) {
  const auto* object = block.value->if_object();
  return object && !object->empty() && std::all_of(object->begin(), object->end(), [&](const auto& m) { return is_one_of(m.key(), keys); });
}

}  // namespace

void read_own_root(Reading& reading, Config& config, Inherited& inherited) {
  Options block{reading, own_block(config.at, "sluice"), kOwnRootBlock, true};
  inherited.problem_json = config.problem_json = block.flag("problem_json");
  read_explain(block, reading, config);
  read_http2(block, reading, &inherited.http2);
  read_bound(block, "max_request_body", &inherited.max_request_body);
  read_bound(block, "max_response_body", &inherited.max_response_body);
  config.max_response_body = inherited.max_response_body;
  block.finish();
}

std::optional<Aggregation> read_aggregation(Reading& reading, const Element& at, bool* problem_json, uint64_t* max_request_body) {
  const Block* own = own_block(at, "sluice");
  if (!own || own->value->is_null()) return std::nullopt;
  Options block{reading, own, kOwnEndpointBlock, true};
  Aggregation a;
  a.pointer = own->pointer;
  read_merge(block, reading, a);
  read_status(block, reading, a);
  *problem_json = block.flag("problem_json", *problem_json);
  if (std::string where = block.text("parts").value_or(""); block.find("parts") && block.find("parts")->is_string()) {
    if (!is_one_of(where, kPartsPlaces)) refuse(reading, block.pointer_of("parts"), "one of " + list_of(kPartsPlaces), where, kPartsPlaces);
    a.parts_in_header = where != "body", a.parts_in_body = where != "header";
  }
  if (auto key = block.text("parts_key")) {
    if (key->empty()) reading.error(block.pointer_of("parts_key"), "expected a name, found \"\"");
    a.parts_key = *key;
  }
  for (auto& [name, rule] : block.pairs("headers")) {
    std::string pointer = join(block.pointer_of("headers"), name);
    if (!is_token(name)) reading.error(pointer, "expected the name of a header as key, found " + quote(name));
    if (is_one_of(rule, kHeaderRules)) a.header_rules.emplace_back(canonical_header(name), rule);
    else refuse(reading, pointer, "one of " + list_of(kHeaderRules), rule, kHeaderRules);
  }
  a.chain = block.flag("chain");
  read_bound(block, "max_request_body", max_request_body);
  block.finish();
  static constexpr std::string_view kNotOfAnswers[] = {"max_request_body"};
  if (has_only(*own, kNotOfAnswers)) return std::nullopt;
  return a;
}

std::optional<StepOptions> read_step(Reading& reading, const Element& at, Http2* http2, uint64_t* max_response_body) {
  const Block* own = own_block(at, "sluice");
  if (!own || own->value->is_null()) return std::nullopt;
  Options block{reading, own, kOwnBackendBlock, true};
  StepOptions s;
  s.pointer = own->pointer;
  s.name = block.text("name").value_or("");
  if (const boost::json::value* v = block.find("name"); v && v->is_string() && !is_name(s.name))
    reading.error(block.pointer_of("name"), "expected a name of letters, digits, '_' and '-', found " + quote(s.name));
  s.required = block.flag("required");
  s.optional = block.flag("optional");
  s.hidden = block.flag("hidden");
  if (s.required && s.optional)
    reading.error(block.pointer_of("optional"), "a backend is required or optional, not both; write one of them");
  s.output_headers = block.texts("output_headers");
  for (size_t i = 0; i < s.output_headers.size(); ++i) {
    std::string& name = s.output_headers[i];
    // No pattern says what a header's name is: the schema takes any text.
    if (name != "*" && !is_token(name)) reading.error(join(block.pointer_of("output_headers"), i), quote(name) + " is no name of a header");
    name = canonical_header(name);
  }
  s.when = located(block, "when");
  const auto after = block.texts("after");
  for (size_t i = 0; i < after.size(); ++i) {
    std::string pointer = join(block.pointer_of("after"), i);
    if (is_step(after[i])) s.after.push_back({after[i], std::move(pointer)});
    else refuse(reading, pointer, "a backend such as \"resp0\"", after[i]);
  }
  s.headers = located_pairs(block, "headers");
  for (auto& [name, value] : s.headers)
    if (!is_token(name)) reading.error(value.pointer, quote(name) + " is no name of a header");
  s.query = located_pairs(block, "query");
  s.body = block.find("body");
  read_http2(block, reading, http2);
  read_bound(block, "max_response_body", max_response_body);
  block.finish();
  // How a backend is spoken to is nothing about how answers are put together.
  static constexpr std::string_view kNotOfAnswers[] = {"http2", "max_response_body"};
  if (has_only(*own, kNotOfAnswers)) return std::nullopt;
  return s;
}

}  // namespace sluice::config
