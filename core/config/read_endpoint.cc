// One entry of `endpoints` (config.md §4, §6.1).
#include <algorithm>

#include "core/base/text.h"
#include "core/config/placeholders.h"
#include "core/config/sections.h"
#include "core/router/router.h"

namespace sluice::config {
namespace {

// Deviations 23 and 24.
constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"};
constexpr std::string_view kStrategies[] = {"always", "success", "errored", "complete", "incomplete"};

void read_method(Fields& fields, Endpoint& endpoint) {
  for (const std::string& written : fields.texts("method")) {
    if (written.empty()) continue;
    std::string method = to_upper(written);
    if (std::find(std::begin(kMethods), std::end(kMethods), method) == std::end(kMethods)) {
      std::string_view near = nearest(method, kMethods);
      fields.reading().error(fields.pointer_of("method"),
                             "expected GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or ANY, found " + quote(written) +
                                 (near.empty() ? "" : " (did you mean \"" + std::string{near} + "\"?)"));
    } else if (method == "ANY") {
      endpoint.any_method = true;
    }
    if (std::find(endpoint.methods.begin(), endpoint.methods.end(), method) == endpoint.methods.end())
      endpoint.methods.push_back(std::move(method));
  }
  if (endpoint.any_method) {
    endpoint.method = "ANY";
    endpoint.methods.assign(std::begin(kMethods), std::end(kMethods) - 1);
    return;
  }
  if (endpoint.methods.empty()) endpoint.methods = {"GET"};
  for (const std::string& m : endpoint.methods) endpoint.method += (endpoint.method.empty() ? "" : ", ") + m;
}

// Takes "*" out of `list` and says whether it was there.
bool take_star(std::vector<std::string>& list) { return std::erase(list, "*") > 0; }

void read_inputs(Fields& fields, Endpoint& endpoint) {
  endpoint.input_headers = fields.texts("input_headers");
  bool any_listed = !endpoint.input_headers.empty();
  endpoint.any_header = take_star(endpoint.input_headers);
  for (std::string& name : endpoint.input_headers) name = canonical_header(name);
  if (!any_listed) endpoint.input_headers = {"Content-Type"};
  endpoint.input_query_strings = fields.texts("input_query_strings");
  endpoint.any_query = take_star(endpoint.input_query_strings);
}

// "resp0", "resp0_a.b", either with a capital R.
bool is_propagated(std::string_view name) {
  if (!name.starts_with("resp") && !name.starts_with("Resp")) return false;
  name.remove_prefix(4);
  size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  return digits > 0 && (digits == name.size() || (name[digits] == '_' && digits + 1 < name.size()));
}

void read_static(Options& proxy, Reading& reading, Endpoint& endpoint) {
  const boost::json::value* v = proxy.object("static");
  if (!v) return;
  Block block{"static", v, proxy.pointer_of("static")};
  Options options{reading, &block, kStaticBlock, false};
  endpoint.static_data = options.object("data");
  std::string strategy = options.text("strategy").value_or("always");
  auto known = std::find(std::begin(kStrategies), std::end(kStrategies), strategy);
  if (known != std::end(kStrategies))
    endpoint.static_strategy = static_cast<StaticStrategy>(known - std::begin(kStrategies));
  else
    reading.warning(options.pointer_of("strategy"), "unknown strategy " + quote(strategy) + ", taken as \"always\"" +
                                                        suggestion(strategy, kStrategies));
  options.finish();
}

void read_proxy(Reading& reading, Endpoint& endpoint) {
  Options proxy{reading, own_block(endpoint.at, "proxy"), kEndpointProxyBlock, false};
  endpoint.sequential = proxy.flag("sequential");
  // The reference dies on a wrong type in these two; ignoring it would hide that the endpoint does not do what was
  // meant.
  if (const boost::json::value* list = proxy.find("sequential_propagated_params")) {
    std::string pointer = proxy.pointer_of("sequential_propagated_params");
    if (!list->is_array()) {
      reading.mismatch(pointer, "a list of texts such as \"resp0_id\"", *list);
    } else {
      for (size_t i = 0; i < list->get_array().size(); ++i) {
        const boost::json::value& entry = list->get_array()[i];
        if (!entry.is_string()) reading.mismatch(join(pointer, i), "a text such as \"resp0_id\"", entry);
        else if (is_propagated(entry.get_string().c_str()))
          endpoint.sequential_propagated_params.emplace_back(entry.get_string());
        else
          reading.warning(join(pointer, i), "expected a text such as \"resp0\" or \"resp0_id\", found " +
                                                quote(entry.get_string()) + "; ignored");
      }
    }
  }
  if (const boost::json::value* combiner = proxy.find("combiner"); combiner && !combiner->is_string())
    reading.mismatch(proxy.pointer_of("combiner"), "a text", *combiner);
  read_static(proxy, reading, endpoint);
  for (std::string_view key : {"shadow", "shadow_timeout"}) proxy.without_effect(key, "it belongs to the \"proxy\" of a backend");
  proxy.without_effect("max_payload", kNoMaxPayload);
  proxy.without_effect("decompress_gzip", kNoDecompression);
  proxy.finish();
}

}  // namespace

void read_endpoint(Fields& fields, const Inherited& inherited, Endpoint& endpoint) {
  Reading& reading = fields.reading();
  read_element(fields, endpoint.at);

  std::string written = fields.text("endpoint");
  EndpointPath path = read_endpoint_path(written, inherited.disable_rest);
  std::string place = fields.pointer_of("endpoint");
  for (std::string& message : path.errors) reading.error(place, quote(written) + ": " + message);
  for (std::string& message : path.warnings) reading.warning(place, quote(written) + ": " + message);
  endpoint.path = std::move(path.pattern);
  endpoint.shown = router::readable(endpoint.path);
  endpoint.params = std::move(path.params);
  read_method(fields, endpoint);
  read_match(fields, endpoint);

  endpoint.timeout = fields.duration("timeout");
  if (endpoint.timeout.count() == 0) endpoint.timeout = inherited.timeout;
  endpoint.cache_ttl = fields.duration("cache_ttl");
  if (endpoint.cache_ttl.count() == 0) endpoint.cache_ttl = inherited.cache_ttl;
  endpoint.concurrent_calls =
      static_cast<uint32_t>(std::max<int64_t>(1, fields.integer("concurrent_calls", INT64_MIN, 65535)));
  endpoint.output_encoding = fields.text("output_encoding");
  if (endpoint.output_encoding.empty()) endpoint.output_encoding = inherited.output_encoding;
  const NamedEncoding encoding{fields.text("encoding"), fields.pointer_of("encoding")};
  read_inputs(fields, endpoint);
  read_proxy(reading, endpoint);
  endpoint.problem_json = inherited.problem_json;
  endpoint.max_request_body = inherited.max_request_body;
  endpoint.aggregation = read_aggregation(reading, endpoint.at, &endpoint.problem_json, &endpoint.max_request_body);

  size_t before = reading.report.issues().size();
  for (Fields& backend : fields.objects("backend")) {
    read_backend(backend, inherited, endpoint, encoding, endpoint.backends.emplace_back());
    backend.finish();
  }
  size_t count = endpoint.backends.size();
  if (count == 0 && reading.report.issues().size() == before)
    reading.error(fields.pointer_of("backend"),
                  endpoint.method + " " + endpoint.shown + " has no backend; expected a list of at least one");
  if (count > 0 &&
      std::all_of(endpoint.backends.begin(), endpoint.backends.end(), [](const Backend& b) { return b.shadow; }))
    reading.error(fields.pointer_of("backend"),  // could only answer 500 (deviation 21)
                  "every backend is a shadow: nobody is left to answer; expected at least one without \"shadow\"");
}

}  // namespace sluice::config
