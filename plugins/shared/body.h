// What decoders do before and after they read: pieces into one text, a reason into memory that lives long enough.
#pragma once
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "sluice/plugin.hpp"

namespace sluice::body {

// One piece is taken as it is; more are copied to `joined`.
inline std::string_view join(std::span<const slc_str> chunks, std::string* joined) {
  auto view_of = [](const slc_str& s) { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; };
  if (chunks.size() == 1) return view_of(chunks[0]);
  for (const slc_str& c : chunks) *joined += view_of(c);
  return *joined;
}

// The ABI wants a reason that is static or lives as long as the exchange.
inline Status refuse(Builder& out, const std::string& why, std::string_view* reason) {
  char* kept = out.alloc(why.size());
  if (kept) std::memcpy(kept, why.data(), why.size());
  *reason = kept ? std::string_view{kept, why.size()} : std::string_view{"no memory"};
  return {SLC_EDECODE};
}

}  // namespace sluice::body
