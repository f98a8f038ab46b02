// Request targets for backends (pipeline.md §3.1). Pure functions; results in the arena.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/config/model.h"
#include "core/http/message.h"
#include "core/router/router.h"

namespace sluice::pipeline {

// Looks a parameter up as the reference does: the first letter's case does not count, the last one of a name wins.
const router::Param* find_param(const ArenaVector<router::Param>&, std::string_view name);

struct Target {
  std::string_view text;     // path?query, ready for the request line; empty when `problem` is set
  const char* problem = nullptr;
  bool traversal = false;    // a parameter is "." or ".." (deviation 6): 400
};

// Gives the value of a {respN_path} placeholder, or an empty view with found = false.
struct ResponseLookup {
  bool (*find)(void* context, uint32_t step, std::string_view path, std::string_view* value);
  void* context;
};

// Fills the parts of a url_pattern. Values in the path stay raw where a path allows it, values in the query are
// percent-encoded (deviation 5), a missing one is sent as {{.Name}}.
Target build_target(Arena&, std::string_view prefix, const std::vector<config::UrlPart>&, const ArenaVector<router::Param>&,
                    const ResponseLookup*);

// Path part as Go's URL type writes it: kept when validly encoded, else decoded and encoded again. Empty: not parseable.
std::string_view escape_path(Arena&, std::string_view);
// path?query of a URL that a backend wrote, for the request line: the path as above, in the query what may not stand in one is
// percent-encoded. Empty: an invalid escape in the path, or a control character anywhere.
std::string_view escape_target(Arena&, std::string_view path_and_query);

// What a proxy in front took off the path, from its X-Forwarded-Prefix: "/a/b" with letters, digits, '-' and single slashes and
// nothing else (pipeline.md §2.2), or empty.
std::string_view forwarded_prefix(Arena&, std::string_view header);

// The client's query, filtered: names in `allowed` (all when `any`), sorted, values in order, re-encoded; pairs with ';' or
// a bad escape dropped. A second filter may narrow. Empty when nothing is left.
std::string_view filter_query(Arena&, std::string_view raw, bool any, const std::vector<std::string>& allowed,
                              const std::vector<std::string>* narrower);

// The fields that a message's Connection fields name (RFC 9110 §7.6.1). "keep-alive" and "close", which nearly every message
// has, name none, so that asking for each field of a message usually costs nothing.
class NamedByConnection {
 public:
  explicit NamedByConnection(const http::Headers&);  // must outlive this, with its text
  bool operator()(std::string_view name) const { return any_ && look(name); }

 private:
  bool look(std::string_view name) const;
  const http::Headers& headers_;
  bool any_ = false;
};

// Resolves a Location against the URL it came from (RFC 3986 §5.2). Fragment dropped. Empty: not usable.
std::string resolve_location(std::string_view base_url, std::string_view location);

}  // namespace sluice::pipeline
