#include "core/plugin/config_schema.h"

#include <algorithm>
#include <set>

#include "core/config/schema.h"
#include "core/plugin/note.h"
#include "core/plugin/schema.h"

namespace sluice::plugin {
namespace {

namespace json = boost::json;

// A schema moves below "#/definitions/KEY": its own references move with it. What stands as data stays as it is.
void move_references(json::value& v, const std::string& to) {
  if (v.is_array()) {
    for (json::value& e : v.get_array()) move_references(e, to);
  } else if (v.is_object()) {
    for (auto& m : v.get_object()) {
      if (m.key() == "$ref" && m.value().is_string()) {
        std::string_view old = m.value().get_string();
        if (old.starts_with('#')) m.value() = to + std::string{old.substr(1)};
      } else if (m.key() != "enum" && m.key() != "const" && m.key() != "default" && m.key() != "examples") {
        move_references(m.value(), to);
      }
    }
  }
}

class Parts {
 public:
  explicit Parts(const Registry& registry) {
    for (const std::string& name : registry.names("")) {
      add(registry, name, config::Level::root, SLC_AT_SERVICE);
      add(registry, name, config::Level::endpoint, SLC_AT_ENDPOINT | SLC_AT_PROXY);
      add(registry, name, config::Level::backend, SLC_AT_BACKEND);
    }
    parts_.must_have_plugin = must_not_fail_open_pattern();
    parts_.decoders = sorted(registry.names(SLC_IFACE_DECODER));
    parts_.encoders = sorted(registry.names(SLC_IFACE_ENCODER));
    parts_.resolvers = sorted(registry.names(SLC_IFACE_RESOLVER));
  }
  const config::SchemaParts& parts() const { return parts_; }

 private:
  static std::vector<std::string> sorted(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  // What a generation would make of a block of that name there.
  void add(const Registry& registry, const std::string& name, config::Level level, uint32_t scope) {
    bool alias = false;
    const Binding* b = registry.find_namespace(name, &alias, scope);
    if (!b || !(b->spec->scopes & scope)) return;
    std::string what = "plugin " + b->plugin_id + " " + b->plugin_version + (alias ? "; now called " + b->name : "");
    json::object block{{"description", what}};
    const bool wraps = b->interface_id == SLC_IFACE_AROUND;
    if (wraps && (level == config::Level::root || (level == config::Level::endpoint && (b->spec->scopes & SLC_AT_ENDPOINT))))
      block["not"] = json::object{};  // it wraps calls, and there is none to wrap
    else if (b->schema)
      block["allOf"] = json::array{json::object{{"$ref", "#/definitions/" + definition(*b)}}};
    parts_.blocks[static_cast<size_t>(level)][name] = std::move(block);
  }

  const std::string& definition(const Binding& b) {
    std::string& key = keys_[&b];
    if (!key.empty()) return key;
    // No characters that a JSON pointer or a URL would have to escape.
    for (char c : b.name) key += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ? c : '.';
    key = "plugin." + key;
    while (!taken_.insert(key).second) key += "-";
    json::value schema = b.schema->document();
    if (schema.is_object()) schema.get_object().erase("$schema"), schema.get_object().erase("$id");
    move_references(schema, "#/definitions/" + key);
    parts_.definitions[key] = std::move(schema);
    return key;
  }

  config::SchemaParts parts_;
  std::map<const Binding*, std::string> keys_;
  std::set<std::string> taken_;
};

}  // namespace

boost::json::object configuration_schema(const Registry& registry, bool strict) {
  return config::configuration_schema(Parts{registry}.parts(), strict);
}

}  // namespace sluice::plugin
