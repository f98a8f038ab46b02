// What kind of content some bytes begin: a subset of the WHATWG's MIME sniffing, the table of Go's net/http, because the
// reference answers with what that finds when nobody says a Content-Type.
#pragma once
#include <cstddef>
#include <string_view>

namespace sluice::http {

// More than this is not looked at.
inline constexpr size_t kSniffed = 512;

// Never empty: what nothing else fits is "text/plain; charset=utf-8" without control characters in it, or
// "application/octet-stream".
std::string_view sniff_content_type(std::string_view beginning);

}  // namespace sluice::http
