// One backend of an endpoint (config.md §5, §6.1-6.3).
#include "core/base/text.h"
#include "core/config/placeholders.h"
#include "core/config/reader.h"
#include "core/config/sections.h"

namespace sluice::config {
namespace {

void read_url(Fields& fields, const Endpoint& endpoint, Backend& backend) {
  UrlPattern url = read_url_pattern(fields.text("url_pattern"), endpoint.params);
  std::vector<std::string_view> declared(endpoint.params.begin(), endpoint.params.end());
  for (const std::string& name : url.undefined) {
    // V8 and V9 tell the same thing: nobody can ever fill this placeholder.
    std::string known;
    for (const std::string& p : endpoint.params) known += (known.empty() ? "{" : ", {") + p + "}";
    fields.reading().error(fields.pointer_of("url_pattern"),
                           "undefined parameter {" + name + "}" +
                               suggestion(std::string_view{name}.substr(0, name.find("...")), declared) + ": the endpoint " +
                               endpoint.shown + " declares " + (known.empty() ? "none" : known));
  }
  backend.url_pattern = std::move(url.pattern);
  backend.log_pattern = std::move(url.log_pattern);
  backend.url = std::move(url.parts);
}

void read_hosts(Fields& fields, const Inherited& inherited, Backend& backend) {
  backend.disable_host_sanitize = fields.flag("disable_host_sanitize");
  std::vector<std::string> hosts = fields.texts("host");
  if (hosts.empty()) {
    backend.hosts = inherited.hosts;
    return;
  }
  if (backend.disable_host_sanitize) {
    backend.hosts = std::move(hosts);
    return;
  }
  auto found = fields.find("host");
  for (size_t i = 0; i < hosts.size(); ++i) {
    std::string why;
    if (auto host = clean_host(hosts[i], &why)) backend.hosts.push_back(std::move(*host));
    else
      fields.reading().error(found.value->is_array() ? join(found.pointer, i) : found.pointer,
                             "invalid host " + quote(hosts[i]) + ": " + why);
  }
}

void read_own_blocks(Reading& reading, const Endpoint& endpoint, Backend& backend) {
  Options proxy{reading, own_block(backend.at, "proxy"), kBackendProxyBlock, false};
  backend.shadow = proxy.flag("shadow");
  backend.shadow_timeout = endpoint.timeout;
  if (auto text = proxy.text("shadow_timeout")) {
    if (auto d = parse_duration(*text); d && d->count() > 0) backend.shadow_timeout = *d;
    else if (!d)
      reading.warning(proxy.pointer_of("shadow_timeout"), "expected a duration such as \"2s\", found " + quote(*text) +
                                                              "; the endpoint's timeout is taken");
  }
  for (std::string_view key : {"sequential", "sequential_propagated_params", "static"})
    proxy.without_effect(key, "it belongs to the \"proxy\" of an endpoint");
  proxy.finish();

  const Block* http_block = own_block(backend.at, "backend/http");
  Options http{reading, http_block, kHttpBlock, false};
  backend.return_error_details = http.text("return_error_details").value_or("");
  bool code = http.flag("return_error_code");
  // The mere presence of the other key, whatever its value, switches this one off (config.md §6.2).
  bool details_there =
      http_block && http_block->value->is_object() && http_block->value->get_object().contains("return_error_details");
  backend.return_error_code = code && !details_there;
  http.finish();

  Options client{reading, own_block(backend.at, "backend/http/client"), kHttpClientBlock, false};
  backend.send_body_on_redirect = client.flag("send_body_on_redirect");
  backend.max_gzip_ratio = static_cast<uint32_t>(client.integer("max_gzip_ratio", backend.max_gzip_ratio, 0, 1'000'000));
  client.finish();
}

}  // namespace

void read_backend(Fields& fields, const Inherited& inherited, const Endpoint& endpoint, const NamedEncoding& encoding,
                  Backend& backend) {
  Reading& reading = fields.reading();
  read_element(fields, backend.at);
  read_url(fields, endpoint, backend);
  read_hosts(fields, inherited, backend);

  std::string method = fields.text("method");
  backend.method = !method.empty() ? to_upper(method) : endpoint.methods.size() == 1 ? endpoint.methods[0] : "";
  if (!method.empty() && !is_token(backend.method))
    reading.error(fields.pointer_of("method"), "expected a method such as \"GET\", found " + quote(method));

  NamedEncoding own{fields.text("encoding"), fields.pointer_of("encoding")};
  const NamedEncoding& named = own.written.empty() ? encoding : own;
  backend.encoding = to_lower(named.written);
  backend.encoding_written = named.written, backend.encoding_pointer = named.pointer;
  backend.sd = fields.text("sd");
  if (std::string scheme = fields.text("sd_scheme"); !scheme.empty()) backend.sd_scheme = std::move(scheme);
  backend.is_collection = fields.flag("is_collection");
  backend.target = fields.text("target");
  backend.group = fields.text("group");
  backend.allow = fields.texts("allow");
  backend.deny = fields.texts("deny");
  backend.mapping = fields.pairs("mapping");
  // "*" is no wildcard at this level: a name that nothing has (config.md §4.5).
  backend.input_headers = fields.texts("input_headers");
  for (std::string& name : backend.input_headers) name = canonical_header(name);
  backend.filters_headers = !backend.input_headers.empty();
  backend.input_query_strings = fields.texts("input_query_strings");
  backend.filters_query = !backend.input_query_strings.empty();
  // Overwritten by the endpoint's, but the file is refused if they do not parse, as in the reference.
  (void)fields.duration("timeout");
  (void)fields.integer("concurrent_calls");
  read_own_blocks(reading, endpoint, backend);
  backend.http2 = inherited.http2;
  backend.max_response_body = inherited.max_response_body;
  backend.step = read_step(reading, backend.at, &backend.http2, &backend.max_response_body);
}

}  // namespace sluice::config
