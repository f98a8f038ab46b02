// Bytes as what a client may write into Origin, Access-Control-Request-Headers, Host, path and query: what comes out of them in an
// answer stays one header value, leads to no other host and to no markup.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "plugins/cors/origins.h"
#include "plugins/http-security/redirect.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

void lists(std::string_view text) {
  size_t items = 0;
  cors::every_item(text, [&](std::string_view item) {
    check(!item.empty() && item.find(',') == item.npos);
    check(item.front() != ' ' && item.back() != ' ' && item.front() != '\t' && item.back() != '\t');
    ++items;
    return true;
  });
  check(items <= static_cast<size_t>(std::count(text.begin(), text.end(), ',')) + 1);
}

void origins(std::string_view entry, std::string_view origin) {
  cors::Origins one;
  one.add(entry);
  if (entry.find('*') == entry.npos) check(one.allow(origin) == cors::same(origin, cors::lower(entry)));
  if (entry.find('*') == entry.rfind('*')) check(one.allow(entry));
  check(one.allow(origin) == one.allow(cors::lower(origin)));
}

void redirects(std::string_view host, std::string_view path, std::string_view query) {
  const std::string url = http_security::https_url(host, "/" + std::string{path}, query);
  check(url.starts_with("https://"));
  check(std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 127; }));
  const std::string_view authority = std::string_view{url}.substr(8, url.find('/', 8) - 8);
  check(authority.find_first_of("@?#\\") == authority.npos && authority.size() >= host.size());
  const std::string page = http_security::moved_page(url);
  check(std::count(page.begin(), page.end(), '"') == 2 && std::count(page.begin(), page.end(), '<') == 2);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(bytes), size};
  const auto line = [&] {
    const size_t end = text.find('\n');
    const std::string_view out = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    return out;
  };
  const std::string_view first = line(), second = line();
  lists(first);
  origins(first, second);
  redirects(first, second, text);
  return 0;
}
