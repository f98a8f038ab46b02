// The resolver against a DNS server of this test, and the dialler's way through several addresses.
#include "core/http/dns.h"

#include <map>

#include "client_fixture.h"

namespace sluice::http {
namespace {

// Answers A and AAAA queries from a table, over UDP. RFC 1035 §4.
class DnsServer {
 public:
  struct Record {
    std::vector<std::string> v4, v6;
    uint32_t ttl = 60;
    int rcode = 0;
    bool silent = false, held = false;  // no answer; none until release()
  };
  explicit DnsServer(loop::Loop& loop) {
    uv_udp_init(loop.uv(), &udp_);
    udp_.data = this;
    sockaddr_in a;
    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_udp_bind(&udp_, reinterpret_cast<sockaddr*>(&a), 0);
    int size = sizeof a;
    uv_udp_getsockname(&udp_, reinterpret_cast<sockaddr*>(&a), &size);
    address = "127.0.0.1:" + std::to_string(ntohs(a.sin_port));
    uv_udp_recv_start(
        &udp_, [](uv_handle_t*, size_t, uv_buf_t* b) { static char bytes[2048]; *b = uv_buf_init(bytes, sizeof bytes); },
        [](uv_udp_t* u, ssize_t n, const uv_buf_t* b, const sockaddr* from, unsigned) {
          if (n > 12 && from) static_cast<DnsServer*>(u->data)->answer({b->base, static_cast<size_t>(n)}, from);
        });
  }
  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&udp_), nullptr); }

  // Answers what was held.
  void release() {
    for (auto& [name, record] : names) record.held = false;
    for (auto& [query, from] : std::exchange(held_, {})) answer(query, reinterpret_cast<const sockaddr*>(&from));
  }

  std::map<std::string, Record> names;
  std::string address;
  int queries = 0;

 private:
  void answer(std::string query, const sockaddr* from) {
    ++queries;
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at]) {
      size_t n = static_cast<unsigned char>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, n);
      at += n + 1;
    }
    int type = static_cast<unsigned char>(query[at + 2]);
    Record r;
    auto found = names.find(name);
    if (found == names.end())
      r.rcode = 3;
    else
      r = found->second;
    if (r.silent) return;
    if (r.held) return void(held_.emplace_back(query, *reinterpret_cast<const sockaddr_in*>(from)));
    if (type == 33) {  // SRV: every v4 text is "priority weight port target"
      std::string out = query.substr(0, at + 5);
      out[2] = static_cast<char>(0x81), out[3] = static_cast<char>(0x80 | r.rcode);
      out[6] = 0, out[7] = static_cast<char>(r.v4.size());
      out[8] = out[9] = out[10] = out[11] = 0;
      for (const std::string& text : r.v4) {
        unsigned n[3] = {};
        char target[64] = {};
        EXPECT_EQ(sscanf(text.c_str(), "%u %u %u %63s", &n[0], &n[1], &n[2], target), 4);
        std::string data;
        for (unsigned v : n) data += std::string{static_cast<char>(v >> 8), static_cast<char>(v)};
        data += static_cast<char>(strlen(target));
        data += target;
        data += '\0';
        out += std::string{'\xc0', '\x0c', '\0', '\x21', '\0', '\1'};
        for (int shift : {24, 16, 8, 0}) out += static_cast<char>(r.ttl >> shift);
        out += std::string{'\0', static_cast<char>(data.size())} + data;
      }
      uv_buf_t b = uv_buf_init(out.data(), static_cast<unsigned>(out.size()));
      uv_udp_try_send(&udp_, &b, 1, from);
      return;
    }
    auto& list = type == 28 ? r.v6 : r.v4;
    std::string out = query.substr(0, at + 5);
    out[2] = static_cast<char>(0x81), out[3] = static_cast<char>(0x80 | r.rcode);
    out[6] = 0, out[7] = static_cast<char>(list.size());
    out[8] = out[9] = out[10] = out[11] = 0;
    for (const std::string& text : list) {
      Address a;
      EXPECT_TRUE(parse_address(text, a));
      bool v6 = type == 28;
      const char* data = v6 ? reinterpret_cast<char*>(&a.v6.sin6_addr) : reinterpret_cast<char*>(&a.v4.sin_addr);
      size_t size = v6 ? 16 : 4;
      out += std::string{'\xc0', '\x0c', '\0', static_cast<char>(type), '\0', '\1'};
      for (int shift : {24, 16, 8, 0}) out += static_cast<char>(r.ttl >> shift);
      out += std::string{'\0', static_cast<char>(size)};
      out.append(data, size);
    }
    uv_buf_t b = uv_buf_init(out.data(), static_cast<unsigned>(out.size()));
    uv_udp_try_send(&udp_, &b, 1, from);
  }
  std::vector<std::pair<std::string, sockaddr_in>> held_;
  uv_udp_t udp_;
};

std::string text_of(const Addresses& a) {
  if (!a.error.empty()) return "error: " + std::string{a.error};
  std::string s;
  for (const Service& x : a.services) s += (s.empty() ? "" : " ") + x.target + ":" + std::to_string(x.port);
  for (const Address& x : a.list) {
    char buffer[INET6_ADDRSTRLEN];
    uv_ip_name(&x.any, buffer, sizeof buffer);
    s += (s.empty() ? "" : " ") + std::string{buffer};
  }
  return s;
}

struct TestQuery final : Resolver::Query {
  void on_resolved(const Addresses& a) noexcept override {
    text = text_of(a);
    ++calls;
    if (hook) hook();
  }
  std::string text;
  int calls = 0;
  std::function<void()> hook;
};

class DnsTest : public ClientFixture {
 protected:
  DnsTest() : dns{std::make_unique<DnsServer>(loop)} {}
  ~DnsTest() override {
    if (resolver) resolver->close();
    dns->close();
    finish();
  }
  Resolver& make_resolver(ResolverOptions o = {}) {
    o.servers = dns->address;
    o.timeout_ms = 200, o.tries = 1;
    resolver = std::make_unique<Resolver>(loop, o);
    return *resolver;
  }
  std::string lookup(const std::string& name) {
    TestQuery q;
    Addresses now;
    if (resolver->resolve(name, q, now)) return "at once: " + text_of(now);
    run_until([&] { return q.calls > 0; });
    EXPECT_EQ(q.calls, 1);
    return q.text;
  }
  std::unique_ptr<DnsServer> dns;
  std::unique_ptr<Resolver> resolver;
};

TEST_F(DnsTest, LiteralsNeedNoServer) {
  make_resolver();
  EXPECT_EQ(lookup("127.0.0.1"), "at once: 127.0.0.1");
  EXPECT_EQ(lookup("::1"), "at once: ::1");
  EXPECT_EQ(dns->queries, 0);
  Address a;
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g", "localhost", "1.2.3.4%lo", "::1%nosuchinterface"})
    EXPECT_FALSE(parse_address(text, a)) << text;
}

TEST_F(DnsTest, LocalhostIsKnownWithoutAServer) {
  make_resolver();
  std::string found = lookup("localhost");
  EXPECT_NE(found.find("127.0.0.1"), found.npos) << found;
  EXPECT_EQ(dns->queries, 0);
}

TEST_F(DnsTest, FamiliesAreInterleaved) {
  dns->names["both.test"] = {{"127.0.0.1", "127.0.0.2", "127.0.0.3"}, {"::1", "::2"}};
  make_resolver();
  std::string found = lookup("both.test");
  std::string families;
  for (size_t at = 0; at < found.size();) {
    size_t end = std::min(found.find(' ', at), found.size());
    families += found.substr(at, end - at).find(':') == std::string::npos ? '4' : '6';
    at = end + 1;
  }
  EXPECT_TRUE(families == "46464" || families == "64644") << found;
}

TEST_F(DnsTest, AnswersAreCachedForTheirTimeToLive) {
  dns->names["a.test"] = {{"127.0.0.1"}, {}, 60};
  ResolverOptions o;
  o.min_ttl_ms = 1, o.max_ttl_ms = 20;
  make_resolver(o);
  EXPECT_EQ(lookup("a.test"), "127.0.0.1");
  EXPECT_EQ(lookup("a.test"), "at once: 127.0.0.1");
  EXPECT_EQ(resolver->lookups(), 1u);
  uint64_t until = loop.now_ms() + 25;  // the cap, not the record's minute
  uv_timer_t wake;
  uv_timer_init(loop.uv(), &wake);
  uv_timer_start(&wake, [](uv_timer_t*) {}, 25, 0);
  run_until([&] { return loop.now_ms() >= until; });
  uv_close(reinterpret_cast<uv_handle_t*>(&wake), nullptr);
  turns(1);
  dns->names["a.test"].v4 = {"127.0.0.9"};
  EXPECT_EQ(lookup("a.test"), "127.0.0.9");
  EXPECT_EQ(resolver->lookups(), 2u);
}

TEST_F(DnsTest, FailuresAreCachedToo) {
  make_resolver();
  std::string first = lookup("none.test");
  EXPECT_EQ(first.substr(0, 7), "error: ");
  int queries = dns->queries;
  EXPECT_EQ(lookup("none.test"), "at once: " + first);
  EXPECT_EQ(dns->queries, queries);
}

TEST_F(DnsTest, LookupsOfOneNameAreJoined) {
  dns->names["a.test"] = {{"127.0.0.1"}, {}};
  make_resolver();
  TestQuery queries[5];
  Addresses now;
  for (TestQuery& q : queries) EXPECT_FALSE(resolver->resolve("a.test", q, now));
  queries[1].forget();
  queries[0].hook = [&] { queries[3].forget(); };  // one answer takes another wish away
  run_until([&] { return queries[4].calls == 1; });
  EXPECT_EQ(queries[0].calls, 1);
  EXPECT_EQ(queries[1].calls, 0);
  EXPECT_EQ(queries[2].calls, 1);
  EXPECT_EQ(queries[3].calls, 0);
  EXPECT_EQ(resolver->lookups(), 1u);
}

TEST_F(DnsTest, SilentServerIsATimeout) {
  dns->names["slow.test"].silent = true;
  make_resolver();
  EXPECT_EQ(lookup("slow.test"), "error: Timeout while contacting DNS servers");
}

TEST_F(DnsTest, CacheIsBounded) {
  ResolverOptions o;
  o.max_names = 4;
  make_resolver(o);
  for (int i = 0; i < 10; ++i) {
    std::string name = "n" + std::to_string(i) + ".test";
    dns->names[name] = {{"127.0.0.1"}, {}};
    EXPECT_EQ(lookup(name), "127.0.0.1");
  }
  std::vector<std::unique_ptr<TestQuery>> busy;
  Addresses now;
  for (int i = 0; i < 4; ++i) {
    busy.push_back(std::make_unique<TestQuery>());
    EXPECT_FALSE(resolver->resolve("busy" + std::to_string(i) + ".test", *busy.back(), now));
  }
  TestQuery fifth;
  EXPECT_TRUE(resolver->resolve("busy4.test", fifth, now));
  EXPECT_EQ(now.error, "too many lookups");
}

TEST_F(DnsTest, ClosedResolverForgetsItsQueries) {
  dns->names["slow.test"].silent = true;
  make_resolver();
  TestQuery q;
  Addresses now;
  EXPECT_FALSE(resolver->resolve("slow.test", q, now));
  turns(2);
  resolver->close();
  turns(2);
  EXPECT_EQ(q.calls, 0);
  EXPECT_TRUE(resolver->resolve("slow.test", q, now));
  EXPECT_FALSE(now.error.empty());
}

TEST_F(DnsTest, CallReachesANamedHost) {
  dns->names["backend.test"] = {{"127.0.0.1"}, {}};
  Backend& b = make_backend();
  b.answer(kOk);
  ClientOptions options;
  options.dns_servers = dns->address;
  TestCall call{make_client(options), origin_of(b, nullptr, "backend.test"), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
}

TEST_F(DnsTest, UnresolvableNameFailsTheCallWithNothingSent) {
  ClientOptions options;
  options.dns_servers = dns->address;
  Backend& b = make_backend();
  TestCall call{make_client(options), origin_of(b, nullptr, "none.test"), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::resolve);
  EXPECT_TRUE(call.nothing_sent);
  EXPECT_NE(call.message.find("lookup none.test: "), call.message.npos) << call.message;
}

TEST_F(DnsTest, NextAddressIsTriedWhenOneRefuses) {
  dns->names["backend.test"] = {{"127.0.0.3", "127.0.0.2", "127.0.0.1"}, {"::1"}};  // the backend is on 127.0.0.1 only
  Backend& b = make_backend();
  b.answer(kOk);
  ClientOptions options;
  options.dns_servers = dns->address;
  options.fallback_delay_ms = -1;
  TestCall call{make_client(options), origin_of(b, nullptr, "backend.test"), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  dns->names["dead.test"] = {{"127.0.0.2", "127.0.0.3"}, {}};
  TestCall dead{*client, origin_of(b, nullptr, "dead.test"), kGet};
  run_until([&] { return dead.done(); });
  EXPECT_EQ(dead.code, Errc::refused);
}

// A listener whose queue is full: the kernel drops further SYNs, so a connect to it hangs.
struct BlackHole {
  explicit BlackHole(uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(0x7f000002);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(bind(fds[0], reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    listen(fds[0], 0);
    for (int i = 1; i < 4; ++i) {
      fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      (void)connect(fds[i], reinterpret_cast<sockaddr*>(&a), sizeof a);
    }
  }
  ~BlackHole() {
    for (int fd : fds) close(fd);
  }
  int fds[4];
};

TEST_F(DnsTest, NextAddressIsTriedWhenOneIsSlow) {
  Backend& b = make_backend();
  b.answer(kOk);
  BlackHole hole{b.port};
  dns->names["backend.test"] = {{"127.0.0.2", "127.0.0.1"}, {}};
  dns->names["hole.test"] = {{"127.0.0.2"}, {}};
  ClientOptions options;
  options.dns_servers = dns->address;
  options.fallback_delay_ms = 5;
  TestCall call{make_client(options), origin_of(b, nullptr, "backend.test"), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  options.dial_timeout_ms = 20;
  client->set_options(options, 1);
  TestCall stuck{*client, origin_of(b, nullptr, "hole.test"), kGet};
  run_until([&] { return stuck.done(); });
  EXPECT_EQ(stuck.code, Errc::timeout);
  EXPECT_NE(stuck.message.find("timeout connecting"), stuck.message.npos) << stuck.message;
}

TEST_F(DnsTest, DialTimeoutCoversTheLookup) {
  dns->names["slow.test"].silent = true;
  ClientOptions options;
  options.dns_servers = dns->address;
  options.dial_timeout_ms = 10;
  Backend& b = make_backend();
  TestCall call{make_client(options), origin_of(b, nullptr, "slow.test"), kGet};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.code, Errc::timeout);
  EXPECT_TRUE(call.nothing_sent);
}

// Deadlines of a loop expire in their order however late it is, so this says nothing about how long anything takes.
TEST_F(DnsTest, DialTimeoutIsOneForLookupAndConnection) {
  Backend& b = make_backend();
  BlackHole hole{b.port};
  dns->names["hole.test"] = {.v4 = {"127.0.0.2"}, .v6 = {}, .held = true};
  ClientOptions options;
  options.dns_servers = dns->address;
  options.dial_timeout_ms = 100;
  TestCall call{make_client(options), origin_of(b, nullptr, "hole.test"), kGet};
  loop::Deadline answer, end;
  answer.on_expire([](loop::Deadline& d) noexcept { d.owner<DnsServer>().release(); }, dns.get());
  bool ended = false;
  end.on_expire([](loop::Deadline& d) noexcept { d.owner<bool>() = true; }, &ended);
  loop.deadlines().arm(answer, 60);
  loop.deadlines().arm(end, 150);
  run_until([&] { return call.done() || ended; });
  EXPECT_TRUE(call.done()) << "the time began anew with the connection";
  EXPECT_EQ(call.code, Errc::timeout);
}

TEST_F(DnsTest, CallDestroyedDuringTheLookup) {
  dns->names["backend.test"] = {{"127.0.0.1"}, {}};
  Backend& b = make_backend();
  b.answer(kOk);
  ClientOptions options;
  options.dns_servers = dns->address;
  make_client(options);
  for (int turn = 0; turn < 8; ++turn) {
    TestCall call{*client, origin_of(b, nullptr, "backend.test"), kGet};
    turns(turn);
    call.call.reset();
    turns(2);
  }
  EXPECT_EQ(client->stats().active, 0u);
}

TEST_F(DnsTest, ServicesOfANameAreAnotherEntryThanItsAddresses) {
  dns->names["web.test"] = {{"20 1 81 two", "10 1 80 one"}, {}};
  Resolver& r = make_resolver();
  TestQuery q;
  Addresses now;
  ASSERT_FALSE(r.resolve("web.test", true, q, now));
  run_until([&] { return q.calls == 1; });
  EXPECT_EQ(q.text, "one:80 two:81");
  ASSERT_TRUE(r.resolve("web.test", true, q, now)) << "cached";
  EXPECT_EQ(text_of(now), "one:80 two:81");
  EXPECT_GT(now.ttl_ms, 0u);
  EXPECT_EQ(r.lookups(), 1u);
  TestQuery none;
  ASSERT_FALSE(r.resolve("none.test", true, none, now));
  run_until([&] { return none.calls == 1; });
  EXPECT_EQ(none.text.substr(0, 6), "error:");
  ASSERT_TRUE(r.resolve("none.test", true, none, now));
  EXPECT_TRUE(now.no_such_name);
  EXPECT_FALSE(now.timed_out);
}

}  // namespace
}  // namespace sluice::http
