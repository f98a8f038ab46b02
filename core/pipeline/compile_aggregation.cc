#include "core/pipeline/compile_aggregation.h"

#include <algorithm>
#include <boost/json/value.hpp>

#include "core/base/text.h"
#include "core/pipeline/aggregation.h"
#include "core/plugin/registry.h"

namespace sluice::pipeline {
namespace {

using config::join;
namespace json = boost::json;

constexpr uint32_t kMaxBodyDepth = 64;

std::string ordinal(uint32_t step) { return "resp" + std::to_string(step); }

std::pair<document::Strategy, std::string> strategy_of(const std::string& text) {
  using document::Strategy;
  if (text.starts_with("zip by ")) return {Strategy::zip, text.substr(7)};
  for (Strategy s : {Strategy::overwrite, Strategy::first, Strategy::deep, Strategy::concat, Strategy::error})
    if (text == document::to_string(s)) return {s, {}};
  return {Strategy::overwrite, {}};  // checked by the reader
}

class AggregationCompiler {
 public:
  AggregationCompiler(EndpointPlan& plan, Arena& trees, config::Report& report)
      : plan_{plan}, trees_{trees}, report_{report}, out_{std::make_shared<Aggregation>()} {}

  void run() {
    const config::Endpoint& e = *plan_.config;
    if (e.aggregation) endpoint(*e.aggregation);
    names();
    for (const auto& b : plan_.backends) step(*b);
    waits_.resize(out_->steps.size());
    for (uint32_t i = 0; i < out_->steps.size(); ++i) order(i);
    refuse_circles();
    if (e.aggregation) answer(*e.aggregation);
    if (plan_.raw) warn_of_raw();
    plan_.aggregation = out_;
  }

 private:
  void endpoint(const config::Aggregation& a) {
    out_->chain = a.chain;
    if (a.chain && plan_.config->sequential)
      report_.error(join(a.pointer, "chain"), "the endpoint is sequential, too: write \"chain\" here or \"sequential\" in proxy, not both");
    if (!a.merge.text.empty() || !a.merge_keys.empty()) {
      auto [strategy, by] = strategy_of(a.merge.text);
      document::MergeRules rules{strategy, by};
      for (const auto& [path, located] : a.merge_keys) {
        auto [s, b] = strategy_of(located.text);
        if (const char* why = rules.add(path, s, b)) report_.error(located.pointer, why);
      }
      out_->merge = std::move(rules);
    }
    out_->parts_in_header = a.parts_in_header, out_->parts_in_body = a.parts_in_body;
    out_->parts_key = a.parts_key;
    for (const auto& [name, rule] : a.header_rules)
      out_->header_rules.emplace_back(name, rule == "first"    ? Aggregation::HeaderRule::first
                                            : rule == "append" ? Aggregation::HeaderRule::append
                                                               : Aggregation::HeaderRule::overwrite);
  }

  // An answer that is passed on as it is leaves nothing to decide; its request may be written all the same.
  void warn_of_raw() {
    auto warn = [&](const std::string& pointer, std::initializer_list<std::pair<const char*, bool>> keys) {
      for (const auto& [key, used] : keys)
        if (used) report_.warning(join(pointer, key), "has no effect: the answer of the backend is passed on as it is");
    };
    if (const auto& a = plan_.config->aggregation)
      warn(a->pointer, {{"merge", out_->merge.has_value()},
                        {"status", out_->status != Aggregation::Status::reference},
                        {"status_when", !a->status_when.empty()},
                        {"parts", a->parts_in_header || a->parts_in_body},
                        {"headers", !a->header_rules.empty()},
                        {"chain", a->chain}});
    for (const auto& b : plan_.backends)
      if (const auto& s = b->config->step)
        warn(s->pointer, {{"required", s->required},
                          {"optional", s->optional},
                          {"hidden", s->hidden},
                          {"output_headers", !s->output_headers.empty()},
                          {"when", !s->when.text.empty()},
                          {"after", !s->after.empty()}});
  }

  // What all backends may name.
  void names() {
    const config::Endpoint& e = *plan_.config;
    names_.parameters = e.params;
    names_.any_header = e.any_header, names_.any_query = e.any_query;
    names_.headers = e.input_headers, names_.queries = e.input_query_strings;
    if (out_->chain) names_.steps = static_cast<uint32_t>(plan_.backends.size());
  }

  template <class T>
  std::optional<T> parse(const config::Located& from, const ReferenceNames& names) {
    std::string why;
    auto parsed = T::parse(from.text, names, &why);
    if (!parsed) report_.error(from.pointer, why);
    return parsed;
  }

  void step(BackendPlan& b) {
    PartPlan& s = out_->steps.emplace_back();
    s.label = ordinal(b.index);
    const auto& c = b.config->step;
    if (!c) return;
    if (!c->name.empty()) s.label = c->name;
    for (uint32_t i = 0; i < b.index; ++i)
      if (out_->steps[i].label == s.label) report_.error(join(c->pointer, "name"), "another backend of the endpoint is called \"" + s.label + "\" already");
    s.required = c->required, s.optional = c->optional, s.hidden = c->hidden;
    if (!c->when.text.empty()) s.when = condition(b, *c);
    for (const auto& [name, value] : c->headers) {
      if (http::is_hop_by_hop(name) || iequals(name, "Host") || iequals(name, "Content-Length"))
        report_.error(value.pointer, "\"" + name + "\" belongs to the message, the gateway writes it itself");
      if (auto t = parse<Template>(value, names_)) s.headers.emplace_back(canonical_header(name), std::move(*t));
    }
    for (const auto& [name, value] : c->query)
      if (auto t = parse<Template>(value, names_)) s.query.emplace_back(percent_encode(name), std::move(*t));
    if (c->body) {
      std::string pointer = join(c->pointer, "body");
      if (c->body->is_string()) s.text_body = parse<Template>(config::Located{std::string{c->body->get_string()}, pointer}, names_);
      else s.json_body = body(*c->body, pointer, 0);
    }
    for (const std::string& name : c->output_headers) {
      if (name == "*") s.all_headers = true;
      else if (is_own(name)) report_.error(join(c->pointer, "output_headers"), "\"" + name + "\" is written by the gateway itself");
      else s.output_headers.push_back(name);
    }
    b.keep_headers = !plan_.raw && !c->output_headers.empty();
  }

  // In a sequence a condition may look at the steps before, whose order is known without `chain`.
  std::optional<Expression> condition(const BackendPlan& b, const config::StepOptions& c) {
    if (!plan_.sequential || out_->chain) return parse<Expression>(c.when, names_);
    ReferenceNames names = names_;
    names.steps = static_cast<uint32_t>(plan_.backends.size());
    auto when = parse<Expression>(c.when, names);
    bool early = true;
    if (when)
      when->each([&](const Reference& r) {
        if (!r.of_step() || r.step < b.index || !std::exchange(early, false)) return;
        report_.error(c.when.pointer, r.text() + ": in a sequence only the answers of backends before this one, which is " + ordinal(b.index) + ", are there");
      });
    return early ? std::move(when) : std::nullopt;
  }

  static bool is_own(const std::string& name) {
    for (const char* own : {"Content-Length", "Content-Type", "Content-Encoding", "X-Krakend", "X-Krakend-Completed", "X-Sluice-Parts"})
      if (iequals(name, own)) return true;
    return http::is_hop_by_hop(name);
  }

  BodyValue body(const json::value& v, const std::string& pointer, uint32_t depth) {
    BodyValue out;
    if (depth > kMaxBodyDepth) {
      report_.error(pointer, "a body may have at most 64 levels");
      return out;
    }
    if (v.is_string()) {
      out.kind = BodyValue::Kind::text;
      if (auto t = parse<Template>(config::Located{std::string{v.get_string()}, pointer}, names_)) out.text = std::move(*t);
    } else if (v.is_object()) {
      out.kind = BodyValue::Kind::object;
      for (const auto& m : v.get_object()) {
        out.children.push_back(body(m.value(), join(pointer, m.key()), depth + 1));
        out.children.back().name = m.key();
      }
    } else if (v.is_array()) {
      out.kind = BodyValue::Kind::list;
      for (size_t i = 0; i < v.get_array().size(); ++i) out.children.push_back(body(v.get_array()[i], join(pointer, i), depth + 1));
    } else {
      out.constant = plugin::to_document(trees_, v, plugin::Written::exact);
    }
    return out;
  }

  static void each_of(const BodyValue& v, const auto& visit) {
    if (v.kind == BodyValue::Kind::text) v.text.each([&](const Reference& r) { visit(r, v.text.alone() != nullptr); });
    for (const BodyValue& child : v.children) each_of(child, visit);
  }

  // Which steps must be over before this one.
  void order(uint32_t i) {
    PartPlan& s = out_->steps[i];
    const config::Backend& c = *plan_.backends[i]->config;
    auto note = [&](const Reference& r, bool null_is_a_value) {
      if (!r.of_step()) return;
      wait(i, r.step);
      s.needs.push_back({r, null_is_a_value});
    };
    auto need = [&](const Reference& r) { note(r, false); };
    if (out_->chain)
      for (const config::UrlPart& part : c.url) {
        if (part.kind != config::UrlPart::Kind::response) continue;
        std::string why;
        auto r = parse_reference(ordinal(part.step) + "_" + part.text, names_, &why);
        if (r) need(*r), show(i, *r, part.text);
        else report_.error(join(c.at.pointer, "url_pattern"), why);
      }
    if (out_->chain)
      for (const config::Block& block : c.at.extra)
        each_reference(*block.value, 0, [&](const Reference& r, std::string_view path) {
          if (r.step != i) need(r), show(i, r, path);
        });
    for (const auto& [name, t] : s.headers) t.each(need);
    for (const auto& [name, t] : s.query) t.each(need);
    if (s.text_body) s.text_body->each(need);
    if (s.json_body) each_of(*s.json_body, note);
    if (s.when) s.when->each([&](const Reference& r) { if (r.of_step()) wait(i, r.step); });
    if (!c.step) return;
    for (const config::Located& after : c.step->after) {
      uint32_t step = parse_decimal<uint32_t>(std::string_view{after.text}.substr(4)).value_or(UINT32_MAX);
      if (!out_->chain) report_.error(after.pointer, "an order of calls needs \"chain\": true in the block \"sluice\" of the endpoint");
      else if (step >= out_->steps.size())
        report_.error(after.pointer, "the endpoint has " + std::to_string(out_->steps.size()) + " backends that answer, counted from 0");
      else wait(i, step);
    }
    if (s.hidden && !out_->chain && (!plan_.config->aggregation || plan_.config->aggregation->status_when.empty()))
      report_.warning(join(c.step->pointer, "hidden"), "nothing uses the data of this backend: without \"chain\" no other backend can");
  }

  // A plugin's own block may name an answer, as variables do: a text that is one reference, {resp0_id}. Other texts are the
  // plugin's, whatever braces they have.
  void each_reference(const json::value& v, uint32_t depth, const auto& visit) {
    if (depth > kMaxBodyDepth) return;
    if (v.is_object())
      for (const auto& m : v.get_object()) each_reference(m.value(), depth + 1, visit);
    if (v.is_array())
      for (const json::value& one : v.get_array()) each_reference(one, depth + 1, visit);
    if (!v.is_string()) return;
    const std::string_view text = v.get_string(), name = braced_name(text);
    if (name.empty() || name.size() + 2 != text.size()) return;
    std::string why, small{name};
    small[0] = lower(small[0]);  // parameters of answers begin with a capital, and are asked for so by some
    auto r = parse_reference(small, names_, &why);
    if (r && r->of == Reference::Of::data && !r->path.empty()) visit(*r, name.substr(name.find('_') + 1));
  }

  // As in a sequence, under the name that its plugins know.
  void show(uint32_t i, const Reference& r, std::string_view path) {
    if (plan_.backends[i]->chain.empty() && !plan_.backends[i]->transport) return;  // nobody looks
    std::string name = "Resp" + std::to_string(r.step) + "_" + std::string{path};
    auto& all = out_->steps[i].parameters;
    if (std::none_of(all.begin(), all.end(), [&](const auto& p) { return p.name == name; })) all.push_back({r, std::string{path}, std::move(name)});
  }

  void wait(uint32_t who, uint32_t for_whom) {
    if (std::find(waits_[who].begin(), waits_[who].end(), for_whom) != waits_[who].end()) return;
    waits_[who].push_back(for_whom);
    out_->steps[for_whom].followers.push_back(who);
    ++out_->steps[who].inputs;
  }

  // Steps that wait for each other would wait for ever. Takes away what can run until nothing is left, or only circles.
  void refuse_circles() {
    std::vector<uint32_t> left;
    for (const PartPlan& s : out_->steps) left.push_back(s.inputs);
    std::vector<uint32_t> ready;
    for (uint32_t i = 0; i < left.size(); ++i)
      if (left[i] == 0) ready.push_back(i);
    size_t over = 0;
    for (; over < ready.size(); ++over)
      for (uint32_t f : out_->steps[ready[over]].followers)
        if (--left[f] == 0) ready.push_back(f);
    for (uint32_t i = 0; over < left.size() && i < left.size(); ++i) {
      if (left[i] == 0) continue;
      std::string circle;
      std::vector<uint32_t> way{i};
      for (uint32_t at = i;;) {  // back along somebody who is stuck, too
        at = *std::find_if(waits_[at].begin(), waits_[at].end(), [&](uint32_t w) { return left[w] > 0; });
        const bool met = std::find(way.begin(), way.end(), at) != way.end();
        way.push_back(at);
        if (!met) continue;
        for (auto w = std::find(way.begin(), way.end(), at); w != way.end(); ++w) circle += (circle.empty() ? "" : " waits for ") + ordinal(*w);
        break;
      }
      report_.error(plan_.backends[i]->config->at.pointer, "this backend can never be called: " + circle);
      return;
    }
  }

  void answer(const config::Aggregation& a) {
    ReferenceNames all = names_;
    all.steps = static_cast<uint32_t>(plan_.backends.size());  // every answer is over by then
    for (const auto& c : a.status_when)
      if (auto when = parse<Expression>(c.when, all)) out_->status_when.emplace_back(std::move(*when), c.status);
    if (a.status.text == "worst") out_->status = Aggregation::Status::worst;
    else if (a.status.text == "first") out_->status = Aggregation::Status::first;
    else if (!a.status.text.empty()) {
      out_->status = Aggregation::Status::of_step;
      out_->status_step = parse_decimal<uint32_t>(std::string_view{a.status.text}.substr(4)).value_or(UINT32_MAX);
      if (out_->status_step >= plan_.backends.size())
        report_.error(a.status.pointer, "the endpoint has " + std::to_string(plan_.backends.size()) + " backends that answer, counted from 0");
    }
  }

  EndpointPlan& plan_;
  Arena& trees_;
  config::Report& report_;
  std::shared_ptr<Aggregation> out_;
  ReferenceNames names_;
  std::vector<std::vector<uint32_t>> waits_;  // by step
};

// Names of the top level that a backend's answer is known to be able to have.
std::vector<std::string> known_keys(const BackendPlan& b) {
  const config::Backend& c = *b.config;
  std::vector<std::string> keys;
  auto add = [&](std::string_view key) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.emplace_back(key);
  };
  if (!c.return_error_details.empty()) add("error_" + c.return_error_details);
  if (b.decoder && b.decoder->raw()) return keys;  // gives nothing
  if (!c.group.empty()) {
    add(c.group);
    return keys;
  }
  if (b.shape.moves()) return keys;  // anything may become of the names
  auto renamed = [&](std::string_view key) -> std::string_view {
    for (const auto& [from, to] : c.mapping)
      if (from == key) return std::string_view{to}.substr(0, to.find('.'));
    return key;
  };
  for (const std::string& path : c.allow) add(renamed(std::string_view{path}.substr(0, path.find('.'))));
  if (!c.allow.empty()) return keys;
  for (const auto& [from, to] : c.mapping) add(std::string_view{to}.substr(0, to.find('.')));
  if (c.is_collection && c.target.empty()) add(renamed("collection"));
  return keys;
}

}  // namespace

void compile_aggregation(EndpointPlan& plan, Arena& trees, config::Report& report) {
  bool wanted = plan.config->aggregation.has_value();
  for (const auto& b : plan.backends) wanted = wanted || b->config->step;
  if (wanted) AggregationCompiler{plan, trees, report}.run();
  if (!plan.shadow) return;
  for (const auto& b : plan.shadow->backends)
    if (b->config->step) report.warning(b->config->step->pointer, "has no effect on a shadow: nobody waits for its answer");
}

void warn_of_same_keys(const EndpointPlan& plan, config::Report& report) {
  const auto& a = plan.config->aggregation;
  if (plan.raw || (a && !a->merge.text.empty())) return;  // somebody has thought about it
  std::vector<std::pair<std::string, const BackendPlan*>> seen;
  for (const auto& b : plan.backends) {
    if (b->config->step && b->config->step->hidden) continue;
    for (std::string& key : known_keys(*b)) {
      const bool ruled =
          a && std::any_of(a->merge_keys.begin(), a->merge_keys.end(), [&](const auto& k) { return k.first.substr(0, k.first.find('.')) == key; });
      auto other = std::find_if(seen.begin(), seen.end(), [&](const auto& s) { return s.first == key; });
      if (other == seen.end()) seen.emplace_back(key, b.get());
      else if (!ruled)
        report.warning(b->config->at.pointer, "this backend and " + other->second->config->at.pointer + " can both write \"" + key +
                                                  "\": the later one's is taken; say so, or what else is meant, with {\"merge\": {\"keys\": {\"" + key +
                                                  "\": \"overwrite\"}}} in the block \"sluice\" of the endpoint, or give one of them a group");
    }
  }
}

}  // namespace sluice::pipeline
