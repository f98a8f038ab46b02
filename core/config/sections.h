// The readers of the parts of a configuration; reader.cc calls them in order.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/config/fields.h"
#include "core/config/model.h"

namespace sluice::config {

// Options of the reference's paid edition. Its free one is silent about them, but somebody may believe in them.
inline constexpr std::string_view kNoMaxPayload =
    "request bodies that are held whole are limited to 64 MiB (max_request_body of the block sluice), others are not limited";
inline constexpr std::string_view kNoDecompression = "request bodies are passed on as they come";

// What endpoints and backends inherit.
struct Inherited {
  Duration timeout{0}, cache_ttl{0};
  std::string output_encoding;
  std::vector<std::string> hosts;
  bool disable_rest = false, problem_json = false;
  Http2 http2 = Http2::never;
  uint64_t max_request_body = kMaxRequestBody, max_response_body = kMaxResponseBody;
};

// The keys of the root object: those that environment variables can set.
std::span<const std::string_view> root_keys();

// Splits extra_config into the core's own blocks and those of plugins.
void read_element(Fields&, Element&);
// nullptr: not there.
const Block* own_block(const Element&, std::string_view short_name);

void read_service(Fields& root, Config&, Inherited&);
RouterOptions read_router(Reading&, const Block*);
// The block `sluice`. Of the root: problem_json, explain, http2, and the bounds of bodies.
void read_own_root(Reading&, Config&, Inherited&);
// *problem_json and *max_request_body are what the endpoint inherits, and what it has then.
std::optional<Aggregation> read_aggregation(Reading&, const Element& endpoint, bool* problem_json, uint64_t* max_request_body);
// The same for *http2 and *max_response_body of a backend.
std::optional<StepOptions> read_step(Reading&, const Element& backend, Http2* http2, uint64_t* max_response_body);
void read_endpoint(Fields&, const Inherited&, Endpoint&);
void read_match(Fields& endpoint, Endpoint&);
// Of an endpoint that is complete but for its backends; `encoding`: the endpoint's, for backends without one (deviation
// 4).
// An encoding as it stands in the file, and where.
struct NamedEncoding {
  std::string written, pointer;
};
void read_backend(Fields&, const Inherited&, const Endpoint&, const NamedEncoding& encoding, Backend&);

}  // namespace sluice::config
