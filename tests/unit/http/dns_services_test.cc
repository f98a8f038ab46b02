// SRV records out of DNS messages, whole, cut at every byte, and with every byte changed.
#include <gtest/gtest.h>

#include "core/http/dns.h"

namespace sluice::http {
namespace {

std::string number16(unsigned n) { return {static_cast<char>(n >> 8), static_cast<char>(n)}; }
std::string number32(uint32_t n) { return number16(n >> 16) + number16(n & 0xffff); }
std::string name(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t dot = std::min(text.find('.'), text.size());
    out += static_cast<char>(dot);
    out += text.substr(0, dot);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out + '\0';
}
struct Srv {
  unsigned priority, weight, port;
  std::string target;
  uint32_t ttl = 60;
};
std::string message(const std::vector<Srv>& records, const std::string& more = "", unsigned more_count = 0) {
  std::string out = number16(7) + number16(0x8180) + number16(1) + number16(static_cast<unsigned>(records.size()) + more_count) + number32(0);
  out += name("_http._tcp.test") + number16(33) + number16(1);
  for (const Srv& r : records) {
    const std::string data = number16(r.priority) + number16(r.weight) + number16(r.port) + name(r.target);
    out += "\xc0\x0c" + number16(33) + number16(1) + number32(r.ttl) + number16(static_cast<unsigned>(data.size())) + data;
  }
  return out + more;
}
std::string parsed(std::string_view bytes, bool* ok = nullptr) {
  std::vector<Service> all;
  uint32_t ttl = 0;
  const bool good = parse_services(bytes, all, &ttl);
  if (ok) *ok = good;
  if (!good) return "malformed";
  std::string out = "ttl " + std::to_string(ttl);
  for (const Service& s : all)
    out += " " + std::to_string(s.priority) + "/" + std::to_string(s.weight) + "/" + s.target + ":" + std::to_string(s.port);
  return out;
}

TEST(DnsServicesTest, RecordsComeByPriorityAndThenAsTheyWereSent) {
  EXPECT_EQ(parsed(message({{20, 0, 80, "late.test"}, {10, 5, 8080, "a.test", 30}, {10, 9, 8081, "b.test"}})),
            "ttl 30 10/5/a.test:8080 10/9/b.test:8081 20/0/late.test:80");
  EXPECT_EQ(parsed(message({})), "ttl 0");
}

TEST(DnsServicesTest, OtherRecordsAreSkippedAndADotMeansNoService) {
  const std::string cname = "\xc0\x0c" + number16(5) + number16(1) + number32(1) + number16(3) + std::string("\1x\0", 3);
  EXPECT_EQ(parsed(message({{1, 2, 3, "a.test"}}, cname, 1)), "ttl 60 1/2/a.test:3");
  EXPECT_EQ(parsed(message({{0, 0, 0, ""}})), "ttl 60");
}

TEST(DnsServicesTest, EveryShorterMessageIsMalformed) {
  const std::string whole = message({{1, 2, 3, "a.test"}, {4, 5, 6, "b.test"}});
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(parsed(std::string{whole.substr(0, n)}), "malformed") << n;
  EXPECT_NE(parsed(whole), "malformed");
}

TEST(DnsServicesTest, ChangedBytesDoNoHarm) {
  const std::string whole = message({{1, 2, 3, "a.test"}, {4, 5, 6, "b.test"}});
  for (size_t i = 0; i < whole.size(); ++i)
    for (int value : {0, 1, 0x3f, 0x7f, 0xc0, 0xff}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(value);
      bool ok = false;
      const std::string text = parsed(std::string{changed}, &ok);
      EXPECT_LE(text.size(), 4096u);
    }
}

TEST(DnsServicesTest, ARecordThatIsLongerThanItsDataIsMalformed) {
  std::string bytes = message({{1, 2, 3, "a.test"}});
  bytes[bytes.size() - name("a.test").size() - 7]++;  // the low byte of the data's length
  EXPECT_EQ(parsed(bytes + "xxxx"), "malformed");
}

}  // namespace
}  // namespace sluice::http
