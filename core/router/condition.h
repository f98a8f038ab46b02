// What a route asks of a request besides method and path: the host it was sent to and headers it has. Pure; made at load,
// asked by all workers.
//
// Of several routes with the same path, an exact host comes before names below a domain, a longer domain before a shorter
// one, both before no host; then more headers before fewer; then more exact values before those with '*', then the longer
// text. What is still equal could fit the same request without anybody having said who leads: ambiguous().
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::router {

// Bounds of one route's conditions.
inline constexpr size_t kMaxHosts = 64;
inline constexpr size_t kMaxHeaderConditions = 16;
inline constexpr size_t kMaxValuePattern = 512;  // bytes
inline constexpr size_t kMaxStars = 8;           // of one value

struct Condition {
  std::string host;  // "": any; "api.example.com": this one; ".example.com": every name below it. Lower case, no port
  std::vector<std::pair<std::string, std::string>> headers;  // name in lower case and value_fits() pattern; sorted, names differ
  // Of two routes that are equal in everything else this one gives way: it takes the method because it takes every one.
  bool fallback = false;
  bool empty() const { return host.empty() && headers.empty(); }
};

// The request, as far as conditions look at it.
class Facts {
 public:
  // Lower case, without port and final dot (host_name()); "": none.
  virtual std::string_view host() const = 0;
  // Some value of this header (lower-case name) fits the pattern.
  virtual bool has(std::string_view name, std::string_view pattern) const = 0;

 protected:
  ~Facts() = default;
};

// '*' stands for any text, also none; everything else for itself.
bool value_fits(std::string_view pattern, std::string_view value);
bool host_fits(std::string_view condition, std::string_view host);
bool meets(const Condition&, const Facts&);

// The name in a Host field or authority: lower case, without port and final dot. An address literal keeps its brackets.
std::string host_name(std::string_view authority);
// The same without a copy where nothing has to change; `buffer` has room for authority.size() bytes.
std::string_view host_name(std::string_view authority, char* buffer);

// <0: `a` is asked first. 0: they ask the same. A total order; `fallback` has no part in it.
int precedence(const Condition& a, const Condition& b);
// One request can fit both, and no rule above but the last resort of the alphabet says which of them leads.
bool ambiguous(const Condition& a, const Condition& b);
// Every request that fits both `a` and `b` fits this one too.
bool settles(const Condition& c, const Condition& a, const Condition& b);

// "host api.example.com, header x-version: 2", or "".
std::string to_text(const Condition&);

}  // namespace sluice::router
