#include "core/base/result.h"

namespace sluice {

std::string_view to_string(Errc c) {
  switch (c) {
    case Errc::none: return "none";
    case Errc::invalid: return "invalid";
    case Errc::not_found: return "not found";
    case Errc::limit: return "limit exceeded";
    case Errc::timeout: return "timeout";
    case Errc::cancelled: return "cancelled";
    case Errc::no_hosts: return "no hosts available";
    case Errc::resolve: return "name resolution failed";
    case Errc::refused: return "connection refused";
    case Errc::tls: return "TLS failure";
    case Errc::reset: return "connection reset";
    case Errc::truncated: return "truncated body";
    case Errc::protocol: return "invalid HTTP";
    case Errc::status: return "invalid status";
    case Errc::decode: return "undecodable body";
    case Errc::encode: return "unencodable document";
    case Errc::redirect: return "too many redirects";
    case Errc::rejected: return "rejected";
    case Errc::plugin: return "plugin failure";
    case Errc::internal: return "internal error";
  }
  return "unknown";
}

}  // namespace sluice
