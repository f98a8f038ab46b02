// Bytes as what backends and clients say about caching (Cache-Control, dates), and as the body of a GraphQL mutation.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "plugins/graphql/operation.h"
#include "plugins/http-cache/control.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

void directives(std::string_view line) {
  http_cache::Control c;
  c.add(line);
  for (const auto& n : {c.max_age, c.min_fresh, c.max_stale.seconds, c.stale_if_error.seconds}) check(!n || (*n >= 0 && *n <= 1LL << 31));
  http_cache::each_item(line, [&](std::string_view item) {
    check(!item.empty() && item.front() != ' ' && item.back() != ' ');
    check(item.data() >= line.data() && item.data() + item.size() <= line.data() + line.size());
  });
  // Said twice, it says the same.
  http_cache::Control twice;
  twice.add(line);
  twice.add(line);
  check(twice.max_age == c.max_age && twice.no_store == c.no_store && twice.stale_if_error.seconds == c.stale_if_error.seconds);
}

void mutation(std::string_view body) {
  static const graphql::Operation operation{"m", "", {{"a", "1", false}, {"z", "p", true}}};
  std::string out, again;
  if (!operation.merged(body, out).empty()) return;
  check(out.size() >= 2 && out.front() == '{' && out.back() == '}');
  // What comes out is an object with everything in it: the same once more changes nothing.
  check(operation.merged(out, again).empty());
  check(again == out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(bytes), size};
  directives(text);
  if (const auto date = http_cache::parse_date(text)) check(*date >= -62'200'000'000 && *date <= 253'500'000'000);
  mutation(text);
  return 0;
}
