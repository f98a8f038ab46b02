// Where plain HTTP is sent to.
#pragma once
#include <string>
#include <string_view>

namespace http_security {

// "https://host/path?query", with everything escaped that has no place in a URL. `path` is decoded, `query` as it was sent.
std::string https_url(std::string_view host, std::string_view path, std::string_view query);
// The short page for people whose client does not follow.
std::string moved_page(std::string_view url);

}  // namespace http_security
