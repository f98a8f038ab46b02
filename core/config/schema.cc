#include "core/config/schema.h"

#include <boost/json/parse.hpp>

#include "core/base/text.h"

namespace sluice::config {
namespace {

namespace json = boost::json;

// Go's integer literals, as the readers take them from texts.
constexpr const char* kInteger = "^([+-]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*))?$";
// Keys that are remarks (fields.cc).
constexpr const char* kRemark = "^$|^[$_@#]|^//|[cC][oO][mM][mM][eE][nN][tT]";

// "get" → "[gG][eE][tT]"; other characters as they stand, escaped.
std::string any_case(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (upper(c) != lower(c)) out += std::string{"["} + lower(c) + upper(c) + "]";
    else if ((c >= '0' && c <= '9') || c == '_' || c == '-') out += c;
    else out += std::string{"["} + c + "]";
  }
  return out;
}

json::array types(std::initializer_list<const char*> names, bool null) {
  json::array a;
  for (const char* n : names) a.emplace_back(n);
  if (null) a.emplace_back("null");
  return a;
}

class Maker {
 public:
  Maker(const SchemaParts& parts, bool strict) : parts_{parts}, strict_{strict} {}

  json::object run() {
    json::object definitions = parts_.definitions;
    definitions["endpoint"] = object_of(kEndpointGrammar, Level::endpoint);
    definitions["backend"] = object_of(kBackendGrammar, Level::backend);
    json::object root{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Configuration of sluice"}};
    for (auto& m : object_of(kRootGrammar, Level::root)) root[m.key()] = std::move(m.value());
    root["properties"].as_object()["$schema"] = json::object{{"type", "string"}, {"description", "Where editors find this schema; sluice does not look at it"}};
    root["definitions"] = std::move(definitions);
    return root;
  }

 private:
  json::object object_of(const Grammar& g, Level level) {
    json::object properties, out{{"type", "object"}};
    json::array required;
    for (const Key& k : g.keys) {
      properties[k.name] = described(key(k, g.weak, level), k);
      // The key may be there in other letters: then this table cannot say more.
      if (k.required)
        required.push_back(json::object{{"if", json::object{{"propertyNames", json::object{{"not", json::object{{"pattern", "^" + any_case(k.name) + "$"}}}}}}},
                                        {"then", json::object{{"required", json::array{k.name}}}}});
    }
    out["properties"] = std::move(properties);
    if (!required.empty()) out["allOf"] = std::move(required);
    if (strict_) {
      out["patternProperties"] = json::object{{kRemark, true}};
      out["additionalProperties"] = false;
    }
    return out;
  }

  static json::object described(json::object schema, const Key& k) {
    schema["description"] = k.description;
    if (!k.fallback.empty()) schema["default"] = json::parse(json::string_view{k.fallback.data(), k.fallback.size()});
    return schema;
  }

  static json::object choices(const Key& k) {
    json::array all;
    for (std::string_view c : k.choices) all.emplace_back(c);
    json::array either{json::object{{"enum", all}}, json::object{{"type", "null"}}};
    if (k.any_case) {
      std::string pattern;
      for (std::string_view c : k.choices) pattern += (pattern.empty() ? "^(" : "|") + any_case(c);
      either.push_back(json::object{{"type", "string"}, {"pattern", pattern + ")$"}});
    }
    if (k.may_be_empty) either.push_back(json::object{{"const", ""}});
    return {{"anyOf", std::move(either)}};
  }

  json::object offered(const std::vector<std::string>& names) {
    json::array all;
    for (const std::string& n : names) all.emplace_back(n);
    json::object text{{"type", types({"string", "number", "boolean"}, true)}};
    if (all.empty()) return text;
    return {{"anyOf", json::array{json::object{{"enum", std::move(all)}}, std::move(text)}}};
  }

  static json::object integer(const Key& k, bool weak, bool null) {
    json::object out{{"type", weak ? types({"number", "string", "boolean"}, null) : types({"number"}, null)}};
    if (!weak) {
      // Exact types: a bounded one is read as an integer, another one as any number.
      if (k.least > INT64_MIN || k.most < INT64_MAX) out["type"] = types({"integer"}, null), out["minimum"] = k.least, out["maximum"] = k.most;
      return out;
    }
    // The readers cut fractions off before they look at the bounds.
    if (k.least > INT64_MIN) out[k.least <= 0 ? "exclusiveMinimum" : "minimum"] = k.least <= 0 ? k.least - 1 : k.least;
    else out["minimum"] = INT64_MIN;
    if (k.most < INT64_MAX) out["exclusiveMaximum"] = k.most + 1;
    else out["maximum"] = INT64_MAX;
    out["pattern"] = kInteger;
    return out;
  }

  json::object key(const Key& k, bool weak, Level level) {
    switch (k.type) {
      case Type::text:
        if (!k.choices.empty()) return choices(k);
        if (k.offer == Offer::decoders) return offered(parts_.decoders);
        if (k.offer == Offer::encoders) return offered(parts_.encoders);
        if (k.offer == Offer::resolvers) return offered(parts_.resolvers);
        {
          json::object out{{"type", weak ? types({"string", "number", "boolean"}, true) : types({"string"}, true)}};
          if (!k.pattern.empty()) out["pattern"] = k.pattern;
          return out;
        }
      case Type::flag:
        if (!weak) return {{"type", types({"boolean"}, true)}};
        return {
            {"anyOf", json::array{json::object{{"type", types({"boolean", "number"}, true)}},
                                  json::object{{"enum", json::array{"", "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"}}}}}};
      case Type::integer: {
        json::object out = integer(k, weak, !k.required);
        // One value only: its spellings.
        if (k.least == k.most) out["type"] = types({"number", "string"}, false), out["pattern"] = spelt(k.least);
        return out;
      }
      case Type::duration:
        return {{"type", types({"string", "number"}, true)}, {"pattern", kDurationPattern}, {"minimum", INT64_MIN}, {"maximum", INT64_MAX}};
      case Type::texts: return !weak ? strict_texts(k) : k.choices.empty() ? weak_texts(k) : chosen_texts(k);
      case Type::integers: {
        json::object item = integer(k, weak, false);
        json::object lone = item;
        lone["type"] = types({"number", "string", "boolean"}, true);
        return {{"anyOf", json::array{json::object{{"type", "array"}, {"items", std::move(item)}}, std::move(lone), empty_object()}}};
      }
      case Type::pairs:
        if (!weak) {
          json::object item{{"type", "string"}};
          if (!k.pattern.empty()) item["pattern"] = k.pattern;
          return {{"type", types({"object"}, true)}, {"additionalProperties", std::move(item)}};
        }
        return {{"anyOf", json::array{json::object{{"type", types({"object"}, true)},
                                                   {"additionalProperties", json::object{{"type", types({"string", "number", "boolean"}, true)}}}},
                                      empty_array()}}};
      case Type::object: {
        if (!k.inner) return {{"type", types({"object"}, true)}};
        json::object inner = object_of(*k.inner, level);
        if (!weak) return inner["type"] = types({"object"}, true), inner;
        return {{"anyOf", json::array{std::move(inner), json::object{{"type", "null"}}, empty_array()}}};
      }
      case Type::objects:
        if (k.most == 0) return {{"anyOf", json::array{empty_array(), empty_object(), json::object{{"type", "null"}}}}};
        if (!weak) return {{"type", types({"array"}, true)}, {"items", object_of(*k.inner, level)}};
        return objects(k, level);
      case Type::members:
        return {{"anyOf", json::array{json::object{{"type", types({"object"}, true)}, {"additionalProperties", object_of(*k.inner, level)}}, empty_array()}}};
      case Type::named: {
        json::object limits = object_of(*k.inner, level);
        for (const Key& name : k.inner->keys)
          if (name.required) limits["properties"].as_object()[name.name] = false;
        limits.erase("allOf");
        json::object list{{"type", types({"array"}, true)},
                          {"items", json::object{{"anyOf", json::array{json::object{{"type", "string"}, {"minLength", 1}}, object_of(*k.inner, level)}}}}};
        json::object by_name{{"type", "object"},
                             {"propertyNames", json::object{{"minLength", 1}}},
                             {"additionalProperties", json::object{{"anyOf", json::array{json::object{{"type", "boolean"}}, std::move(limits)}}}}};
        return {{"anyOf", json::array{std::move(list), std::move(by_name)}}};
      }
      case Type::number: return {{"type", types({"number"}, true)}, {"minimum", k.least}, {"maximum", k.most}};
      case Type::blocks:
        return {{"anyOf", json::array{extra(level), json::object{{"type", "null"}}, empty_array()}}};
      case Type::operations: {
        json::object operation{{"type", "object"},
                               {"required", json::array{"type"}},
                               {"properties", json::object{{"type", json::object{{"enum", json::array{"del", "append", "move"}}}},
                                                           {"args", json::object{{"type", "array"}, {"items", json::object{{"type", "string"}}}}}}}};
        return {{"type", types({"array"}, true)}, {"items", std::move(operation)}};
      }
      case Type::any: break;
    }
    return {};
  }

  static std::string spelt(int64_t n) { return "^\\+?(" + std::to_string(n) + "|0[xX]0*" + std::to_string(n) + "|0[oO]?0*" + std::to_string(n) + ")$"; }
  static json::object empty_object() { return {{"type", "object"}, {"maxProperties", 0}}; }
  static json::object empty_array() { return {{"type", "array"}, {"maxItems", 0}}; }

  static json::object weak_texts(const Key&) {
    return {{"anyOf", json::array{json::object{{"type", "array"}, {"items", json::object{{"type", types({"string", "number", "boolean"}, false)}}}},
                                  json::object{{"type", types({"string", "number", "boolean"}, true)}}, empty_object()}}};
  }
  // One of the choices, or a list of them.
  static json::object chosen_texts(const Key& k) {
    json::object item{{"allOf", json::array{choices(k), json::object{{"not", json::object{{"type", "null"}}}}}}};
    return {{"anyOf", json::array{json::object{{"type", "array"}, {"items", std::move(item)}}, choices(k), empty_object()}}};
  }
  static json::object strict_texts(const Key& k) {
    json::object item{{"type", "string"}};
    if (!k.pattern.empty()) item["pattern"] = k.pattern;
    return {{"type", types({"array"}, true)}, {"items", std::move(item)}};
  }

  json::object objects(const Key& k, Level level) {
    json::object item;
    if (k.inner == &kEndpointGrammar) item["$ref"] = "#/definitions/endpoint";
    else if (k.inner == &kBackendGrammar) item["$ref"] = "#/definitions/backend";
    else item = object_of(*k.inner, level);
    // A lone object stands for a list of one.
    json::object list{{"type", "array"}, {"items", item}}, lone{{"minProperties", 1}, {"allOf", json::array{json::object{{"type", "object"}}, item}}};
    if (k.required) {
      list["minItems"] = 1;
      return {{"anyOf", json::array{std::move(list), std::move(lone)}}};
    }
    return {{"anyOf", json::array{std::move(list), std::move(lone), empty_object(), json::object{{"type", "null"}}}}};
  }

  json::object extra(Level level) {
    json::object properties = parts_.blocks[static_cast<size_t>(level)];
    for (const CoreBlock& b : core_blocks()) {
      if (b.level != level) continue;
      json::object block = object_of(*b.grammar, level);
      block["type"] = types({"object"}, true);
      if (std::string_view old = long_name(b.name); !old.empty()) properties[old] = block;
      properties[b.name] = std::move(block);
    }
    json::object out{{"type", "object"}};
    if (strict_) {
      out["additionalProperties"] = false;
    } else if (!parts_.must_have_plugin.empty()) {
      json::array known;
      for (const auto& m : properties) known.emplace_back(m.key());
      out["propertyNames"] = json::object{
          {"anyOf", json::array{json::object{{"enum", std::move(known)}}, json::object{{"not", json::object{{"pattern", parts_.must_have_plugin}}}}}}};
    }
    out["properties"] = std::move(properties);
    return out;
  }

  const SchemaParts& parts_;
  bool strict_;
};

}  // namespace

boost::json::object configuration_schema(const SchemaParts& parts, bool strict) { return Maker{parts, strict}.run(); }

}  // namespace sluice::config
