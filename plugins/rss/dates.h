// Dates of feeds (RFC 822 and its followers, RFC 3339 and shorter ISO 8601 forms) → RFC 3339 in UTC.
#pragma once
#include <string>
#include <string_view>

namespace sluice::rss {

// "" if this is no date that is understood.
std::string to_rfc3339(std::string_view);

}  // namespace sluice::rss
