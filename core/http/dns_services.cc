// SRV records out of a DNS answer. The bytes come from the network: nothing in them is believed.
#include <ares.h>

#include <algorithm>

#include "core/http/dns.h"

namespace sluice::http {
namespace {

// A message and how far it has been read; every read fails past the end.
struct Reader {
  std::string_view message;
  size_t at = 0;

  bool number(uint16_t* out) {
    if (message.size() - at < 2) return false;
    *out = static_cast<uint16_t>(byte(at) << 8 | byte(at + 1));
    at += 2;
    return true;
  }
  bool number(uint32_t* out) {
    uint16_t high, low;
    if (!number(&high) || !number(&low)) return false;
    *out = uint32_t{high} << 16 | low;
    return true;
  }
  bool skip(size_t n) {
    if (message.size() - at < n) return false;
    at += n;
    return true;
  }
  bool name(std::string* out) {
    if (at >= message.size()) return false;
    auto* begin = reinterpret_cast<const unsigned char*>(message.data());
    char* text = nullptr;
    long used = 0;
    if (ares_expand_name(begin + at, begin, static_cast<int>(message.size()), &text, &used) != ARES_SUCCESS) return false;
    if (out) *out = text;
    ares_free_string(text);
    return used > 0 && skip(static_cast<size_t>(used));
  }
  uint8_t byte(size_t i) const { return static_cast<uint8_t>(message[i]); }
};

}  // namespace

bool parse_services(std::string_view message, std::vector<Service>& out, uint32_t* ttl_seconds) {
  constexpr size_t kMostRecords = 1024, kLongest = 65535;
  out.clear();
  *ttl_seconds = UINT32_MAX;
  Reader r{message};
  uint16_t questions, answers;
  if (message.size() > kLongest || !r.skip(4) || !r.number(&questions) || !r.number(&answers) || !r.skip(4)) return false;
  while (questions-- > 0)
    if (!r.name(nullptr) || !r.skip(4)) return false;
  while (answers-- > 0) {
    uint16_t type, record_class, size;
    uint32_t ttl;
    if (!r.name(nullptr) || !r.number(&type) || !r.number(&record_class) || !r.number(&ttl) || !r.number(&size)) return false;
    size_t end = r.at + size;
    if (end > message.size()) return false;
    if (type == 33 && record_class == 1) {
      Service s;
      if (!r.number(&s.priority) || !r.number(&s.weight) || !r.number(&s.port) || !r.name(&s.target) || r.at != end) return false;
      *ttl_seconds = std::min(*ttl_seconds, ttl);
      // A target of "." says that there is no such service (RFC 2782).
      if (!s.target.empty() && s.target != "." && out.size() < kMostRecords) out.push_back(std::move(s));
    }
    r.at = end;
  }
  if (*ttl_seconds == UINT32_MAX) *ttl_seconds = 0;
  std::stable_sort(out.begin(), out.end(), [](const Service& a, const Service& b) { return a.priority < b.priority; });
  return true;
}

}  // namespace sluice::http
