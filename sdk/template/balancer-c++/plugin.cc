// Chooses among the hosts of a backend by a header, so that one client always gets the same host. In the configuration of a
// backend:
//
//   "extra_config": {"@VENDOR@/@NAME@": {"header": "X-User"}}
#include <sluice/plugin.hpp>

#include "schema.h"

namespace {

class Plugin {
 public:
  static constexpr auto name = "@VENDOR@/@NAME@";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr auto schema = kSchema;

  explicit Plugin(sluice::Setup& setup) : header_{setup.header_option("header", "X-User")} {}

  // The index of the chosen host; there are two or more. Called for each call, on an event loop.
  uint32_t pick(sluice::Exchange x, std::span<const slc_candidate> hosts) const {
    uint32_t hash = 2166136261u;  // FNV-1a
    for (const char c : x.header(header_)) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash % static_cast<uint32_t>(hosts.size());
  }

 private:
  sluice::Header header_;
};

}  // namespace

SLC_PLUGIN("@VENDOR@.@NAME@", "0.1.0", Plugin)
