// What the checks that make requests have in common.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "core/app/check/session.h"

namespace sluice::app::check {

// The gateway of a check, or nullptr after a finding.
inline std::unique_ptr<Site> opened(Session& s, const char* check, uint32_t workers = 1, const std::string& timeout = "1s") {
  std::string why;
  auto site = s.open(workers, timeout, why);
  if (!site) s.tell(State::failed, check, "the gateway does not start with it: " + why, "See also: sluice check -c FILE");
  return site;
}

inline std::string get(const Spot& spot, const std::string& mode, std::string_view headers = {}) {
  return request_text("GET", spot.path + "/" + mode, headers);
}
inline std::string post(const Spot& spot, const std::string& mode, std::string_view body, std::string_view headers = {}) {
  return request_text("POST", spot.path + "/" + mode, headers, body);
}

// The gateway must still serve, whatever was done to it before.
inline void still_serves(Session& s, const Site& site, const char* check, const Spot& spot) {
  s.expect_answer(site, check, spot.title + ", a plain request afterwards", get(spot, "ok"));
}

inline std::string spots_text(const Session& s) {
  const size_t n = s.spots().size();
  return std::to_string(n) + (n == 1 ? " place" : " places");
}

}  // namespace sluice::app::check
