// The block `sluice`: what only this gateway has. A configuration of the reference cannot contain it.
#include "core/config/grammar.h"

namespace sluice::config {
namespace {

using enum Type;

constexpr std::string_view kPartsPlaces[] = {"header", "body", "both"};
constexpr std::string_view kHttp2[] = {"never", "offer", "always"};
constexpr std::string_view kStrategyPattern = "^(overwrite|first|deep|concat|error|zip by .+)$";

constexpr Key kMergeKeys[] = {
    {.name = "strategy", .type = text,
     .description = "What becomes of a key that several backends have: overwrite, first, deep, concat, error, zip by NAME", .fallback = R"("overwrite")",
     .pattern = kStrategyPattern},
    {.name = "keys", .type = pairs, .description = "The same for single keys, dotted paths", .pattern = kStrategyPattern},
};
constexpr Grammar kMerge{"merge", kMergeKeys, false};

constexpr Key kStatusCaseKeys[] = {
    {.name = "when", .type = text, .description = "Condition, such as {resp0.status} == 404", .required = true},
    {.name = "status", .type = integer, .description = "Status of the answer then", .least = 200, .most = 599, .required = true},
};
constexpr Grammar kStatusCase{"a case of status_when", kStatusCaseKeys, false};

constexpr Key kExplainKeys[] = {
    {.name = "secret", .type = text,
     .description = "Whoever knows it may sign requests for an account of their answers; without it only the admin socket signs", .pattern = "^.{16,}$"},
    {.name = "max_age", .type = text, .description = "How long a signature is good for", .fallback = R"("60s")", .pattern = kDurationPattern},
};
constexpr Grammar kExplain{"explain", kExplainKeys, false};

constexpr Key kRootKeys[] = {
    {"problem_json", flag, "Errors of the gateway have a body of the type application/problem+json", "false"},
    {.name = "explain", .type = object,
     .description = "Answers come with an account of themselves where a signed header asks for it; {} is enough for sluice explain", .inner = &kExplain},
    {.name = "http2", .type = text, .description = "HTTP/2 to backends that do not say: never, offer (over TLS, if the backend chooses it), always",
     .fallback = R"("never")",
     .choices = kHttp2},
    {.name = "max_request_body", .type = integer,
     .description = "Bytes of a request body that is held whole (all but those of no-op endpoints); beyond: 413", .fallback = "67108864",
     .least = kLeastBound, .most = kMostBound},
    {.name = "max_response_body", .type = integer,
     .description = "Bytes of a backend's answer that is held whole (all but those of no-op endpoints), also decompressed; beyond, the call fails",
     .fallback = "268435456",
     .least = kLeastBound, .most = kMostBound},
};

constexpr Key kEndpointKeys[] = {
    {.name = "merge", .type = object, .description = "What becomes of keys that several backends have", .inner = &kMerge},
    {.name = "status", .type = text, .description = "Status of the answer: worst, first (that failed), or that of one backend, resp0; default: 200",
     .pattern = "^(worst|first|resp[0-9]{1,4})$"},
    {.name = "status_when", .type = objects, .description = "Conditions that give the answer a status; the first that holds", .inner = &kStatusCase},
    {"problem_json", flag, "Failed answers have a body of the type application/problem+json; default: that of the root", "false"},
    {.name = "parts", .type = text, .description = "Tells what became of each backend, in X-Sluice-Parts or in the body", .choices = kPartsPlaces},
    {.name = "parts_key", .type = text, .description = "Where it stands in the body", .fallback = R"("_parts")", .pattern = "^.+$"},
    {.name = "headers", .type = pairs,
     .description = "Of a header that several backends give: overwrite (the later one's), first, append; default: overwrite, and append for Set-Cookie",
     .pattern = "^(overwrite|first|append)$"},
    {"chain", flag, "Backends that use values of other backends' answers are called after those, all others at once", "false"},
    {.name = "max_request_body", .type = integer, .description = "Bytes of a request body that is held whole; beyond: 413; default: that of the root",
     .least = kLeastBound, .most = kMostBound},
};

constexpr Key kBackendKeys[] = {
    {.name = "name", .type = text, .description = "What the list of parts calls it; default: resp0, resp1, …", .pattern = "^[A-Za-z][A-Za-z0-9_-]*$"},
    {"required", flag, "Without its answer the whole answer fails, with its status", "false"},
    {"optional", flag, "The answer is complete without it", "false"},
    {"hidden", flag, "Its data is for other backends and conditions only", "false"},
    {"output_headers", texts, "Headers of its answer that the client gets; \"*\" is all that do not speak of the body"},
    {"when", text, "Condition; it is not called when it does not hold: {resp0_kind} == 'a'"},
    {.name = "after", .type = texts, .description = "Backends that must have answered before: resp0", .pattern = "^resp[0-9]{1,4}$"},
    {"headers", pairs, "Request headers; {resp0_id}, {id}, {header.Name} and {query.name} stand for values"},
    {"query", pairs, "Query strings, with such values"},
    {.name = "http2", .type = text,
     .description = "HTTP/2 to this backend: never, offer (over TLS, if the backend chooses it), always; default: that of the root",
     .choices = kHttp2},
    {.name = "max_response_body", .type = integer,
     .description = "Bytes of its answer where it is held whole, also decompressed; default: that of the root", .least = kLeastBound, .most = kMostBound},
    {"body", any, "Body of the request: any JSON, with such values in its texts; a text is sent as it is"},
};

}  // namespace

const Grammar kOwnRootBlock{"sluice", kRootKeys, false};
const Grammar kOwnEndpointBlock{"sluice of an endpoint", kEndpointKeys, false};
const Grammar kExplainBlock = kExplain;
const Grammar kMergeBlock = kMerge;
const Grammar kStatusCaseBlock = kStatusCase;
const Grammar kOwnBackendBlock{"sluice of a backend", kBackendKeys, false};

}  // namespace sluice::config
