// `plugin/http-server`, `plugin/http-client`, `plugin/req-resp-modifier`, `plugin/middleware`: blocks that name other plugins and
// stand for them, as configurations for KrakenD do (components/plugin-loaders.md).
#include <sluice/plugin.hpp>

namespace {

using sluice::Chooser;
using sluice::Setup;
using sluice::Value;

// What "name" may be in which kind of block. The reference ignores another shape silently, or nearly so; here it is told.
enum class Shape { one, list, either };

// The block of one place: names, and beside them the options of each under its name.
class Names {
 public:
  Names(Setup& setup, Shape shape) {
    const Value name = setup.value("name");
    if (name.is_string() && shape != Shape::list) {
      add(setup, name, "name");
    } else if (name.is_array() && shape != Shape::one) {
      name.each([&](uint32_t i, Value v) { add(setup, v, "name/" + std::to_string(i)); });
    } else {
      constexpr std::string_view wanted[] = {"a string", "a list of strings", "a string or a list of strings"};
      setup.warning("name", Setup::expected(wanted[static_cast<int>(shape)], name) + ": the block chooses no plugin");
    }
    if (names_.empty()) setup.nothing();
  }

  void choose(Chooser c, bool last_is_outermost, std::string_view interface_id, uint32_t flags) const {
    for (size_t i = 0; i < names_.size(); ++i) {
      const std::string& name = names_[last_is_outermost ? names_.size() - 1 - i : i];
      c.choose(name, pointer_to(name), interface_id, flags);
    }
  }

 private:
  void add(Setup& setup, Value v, std::string_view key) {
    if (v.is_string() && !v.text().empty()) names_.emplace_back(v.text());
    else setup.warning("name", Setup::expected("the name of a plugin", v) + " at " + std::string{key} + ": passed over");
  }
  static std::string pointer_to(std::string_view name) {  // RFC 6901 §3
    std::string out = "/";
    for (const char c : name) {
      if (c == '~') out += "~0";
      else if (c == '/') out += "~1";
      else out += c;
    }
    return out;
  }
  std::vector<std::string> names_;
};

// A name of another shape is a warning, not an error: Names says so. The options of each plugin stand beside it, under its name; their own
// schemas judge them.
constexpr char kSchema[] = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "plugin/http-server, plugin/http-client, plugin/req-resp-modifier, plugin/middleware",
  "description": "Names of plugins that stand here, and beside them the options of each under its name.",
  "type": "object",
  "properties": {
    "name": {"description": "Name of a plugin, or a list of names.", "examples": ["example/path-guard", ["geo", "example/path-guard"]]}
  },
  "additionalProperties": {"description": "Options of the plugin of that name."}
})";

// Around the router. Each name wraps what the names before it made: the last one sees a request first.
class HttpServer {
 public:
  static constexpr auto name = "plugin/http-server";
  static constexpr auto schema = kSchema;
  static constexpr const char* aliases[] = {"github_com/devopsfaith/krakend/transport/http/server/handler"};
  static constexpr auto scopes = sluice::scope::service;
  static constexpr int32_t stage = 200;
  explicit HttpServer(Setup& setup) : names_{setup, Shape::either} {}
  void select(Chooser c) const { names_.choose(c, true, SLC_IFACE_MIDDLEWARE, 0); }

 private:
  Names names_;
};

// In place of the HTTP client.
class HttpClient {
 public:
  static constexpr auto name = "plugin/http-client";
  static constexpr auto schema = kSchema;
  static constexpr const char* aliases[] = {"github.com/devopsfaith/krakend/transport/http/client/executor"};
  static constexpr auto scopes = sluice::scope::backend;
  explicit HttpClient(Setup& setup) : names_{setup, Shape::one} {}
  void select(Chooser c) const { names_.choose(c, false, SLC_IFACE_TRANSPORT, 0); }

 private:
  Names names_;
};

// Requests and answers pass the list in its order, both of them.
template <uint32_t Scope, int32_t Stage>
class Modifiers {
 public:
  static constexpr auto name = "plugin/req-resp-modifier";
  static constexpr auto schema = kSchema;
  static constexpr const char* aliases[] = {"github.com/devopsfaith/krakend/proxy/plugin"};
  static constexpr auto scopes = Scope;
  static constexpr int32_t stage = Stage;
  explicit Modifiers(Setup& setup) : names_{setup, Shape::list} {}
  void select(Chooser c) const { names_.choose(c, false, SLC_IFACE_MIDDLEWARE, SLC_CHOOSE_ANSWERS_IN_ORDER); }

 private:
  Names names_;
};

// The first name is outermost: it sees the request first and the answer last.
template <uint32_t Scope, int32_t Stage>
class Wrappers {
 public:
  static constexpr auto name = "plugin/middleware";
  static constexpr auto schema = kSchema;
  static constexpr auto scopes = Scope;
  static constexpr int32_t stage = Stage;
  explicit Wrappers(Setup& setup) : names_{setup, Shape::either} {}
  void select(Chooser c) const { names_.choose(c, false, {}, 0); }

 private:
  Names names_;
};

// Endpoints: inside of validation and scripts, around all backends. Backends: outside of the circuit breaker.
using EndpointModifiers = Modifiers<sluice::scope::proxy, 400>;
using BackendModifiers = Modifiers<sluice::scope::backend, 200>;
using EndpointWrappers = Wrappers<sluice::scope::proxy, 350>;
using BackendWrappers = Wrappers<sluice::scope::backend, 150>;

}  // namespace

SLC_PLUGIN("sluice.loaders", "1.0.0", HttpServer, HttpClient, EndpointModifiers, BackendModifiers, EndpointWrappers, BackendWrappers)
