#include "core/http/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/base/text.h"

namespace sluice::http {

bool parse_address(std::string_view text, Address& out) {
  char buffer[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
  if (text.empty() || text.size() >= sizeof buffer) return false;
  text.copy(buffer, text.size());
  buffer[text.size()] = '\0';
  std::memset(&out, 0, sizeof out);
  if (inet_pton(AF_INET, buffer, &out.v4.sin_addr) == 1) {
    out.v4.sin_family = AF_INET;
    return true;
  }
  char* zone = std::strchr(buffer, '%');
  if (zone) *zone++ = '\0';
  if (inet_pton(AF_INET6, buffer, &out.v6.sin6_addr) != 1) return false;
  if (zone && (out.v6.sin6_scope_id = if_nametoindex(zone)) == 0) return false;
  out.v6.sin6_family = AF_INET6;
  return true;
}

std::string to_text(const Address& a) {
  char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
  bool v6 = a.any.sa_family == AF_INET6;
  if (!inet_ntop(a.any.sa_family, v6 ? static_cast<const void*>(&a.v6.sin6_addr) : &a.v4.sin_addr, text, INET6_ADDRSTRLEN)) return {};
  std::string out = text;
  char zone[IF_NAMESIZE];
  if (v6 && a.v6.sin6_scope_id && if_indextoname(a.v6.sin6_scope_id, zone)) out.append("%").append(zone);
  return out;
}

void Resolver::Query::forget() {
  if (!prev_) return;
  prev_->next_ = next_, next_->prev_ = prev_;
  prev_ = next_ = nullptr;
}

namespace {

constexpr size_t kMaxAddresses = 32;
constexpr int kInternet = 1, kSrv = 33;  // class and type (RFC 1035 §3.2, RFC 2782)

struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

// First family of the list, then the other one, in turns (RFC 8305 §4).
std::vector<Address> interleave(const ares_addrinfo_node* nodes) {
  std::vector<Address> first, second, all;
  int family = 0;
  for (auto* n = nodes; n && first.size() + second.size() < kMaxAddresses; n = n->ai_next) {
    if (n->ai_family != AF_INET && n->ai_family != AF_INET6) continue;
    if (!family) family = n->ai_family;
    Address a;
    std::memset(&a, 0, sizeof a);
    std::memcpy(&a, n->ai_addr, std::min<size_t>(sizeof a, static_cast<size_t>(n->ai_addrlen)));
    (n->ai_family == family ? first : second).push_back(a);
  }
  for (size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  return all;
}

}  // namespace

struct Resolver::Impl {
  struct Entry {
    struct Ring final : Query {
      void on_resolved(const Addresses&) noexcept override {}
      Ring() { prev_ = next_ = this; }
      ~Ring() {
        while (next_ != this) next_->forget();
        prev_ = next_ = nullptr;
      }
      Query* first() { return next_ == this ? nullptr : next_; }
      void add(Query& q) {
        q.forget();
        q.prev_ = prev_, q.next_ = this;
        prev_->next_ = &q, prev_ = &q;
      }
      // Everybody who waits now moves to `to`: those who join later wait for the next answer.
      void move_to(Ring& to) {
        while (Query* q = first()) to.add(*q);
      }
    };
    Impl* resolver;
    std::string name;
    std::vector<Address> addresses;
    std::vector<Service> services;
    std::string_view error;
    uint64_t expires_ms = 0;
    bool busy = false, of_services = false, no_such_name = false, timed_out = false;
    Ring waiting;
    Addresses view() const {
      uint64_t now = resolver->loop.now_ms();
      return {addresses, error, services, static_cast<uint32_t>(expires_ms > now ? expires_ms - now : 0), no_such_name, timed_out};
    }
    size_t size() const { return addresses.size() + services.size(); }
  };
  // A socket of c-ares. The memory lives until uv's close callback.
  struct Socket {
    uv_poll_t poll;
    ares_socket_t fd;
    Impl* resolver;
  };

  Impl(loop::Loop& l, const ResolverOptions& o) : loop{l}, options{o} {}

  bool open();
  void start(Entry&);
  void arm_timer();
  void evict();
  void process(ares_socket_t r, ares_socket_t w) {
    if (!channel) return;
    ares_process_fd(channel, r, w);
    if (channel) arm_timer();
  }
  static void on_socket(void* data, ares_socket_t fd, int readable, int writable);
  static void on_addresses(void* data, int status, int timeouts, ares_addrinfo* result);
  static void on_services(void* data, int status, int timeouts, unsigned char* message, int size);
  void conclude(Entry&, int status, int64_t ttl_seconds);
  static void on_answer_later(loop::Deadline&) noexcept;

  loop::Loop& loop;
  ResolverOptions options;
  ares_channel channel = nullptr;
  uv_timer_t* timer = nullptr;
  std::vector<Socket*> sockets;
  std::unordered_map<std::string, std::unique_ptr<Entry>, NameHash, std::equal_to<>> names;
  // Answers that c-ares gives inside ares_getaddrinfo (hosts file) are told at the next turn.
  struct Later final : loop::Deadline {
    Impl* resolver = nullptr;
  } later;
  std::vector<Entry*> answered;
  bool starting = false, closed = false;
  uint64_t lookups = 0;
  Address literal;

  void tell(Entry& e) {
    Entry::Ring ring;
    e.waiting.move_to(ring);
    // A callback may destroy its query, others, or call resolve() (which may evict `e` once it is not busy).
    std::vector<Address> addresses = e.addresses;
    std::vector<Service> services = e.services;
    Addresses answer = e.view();
    answer.list = addresses, answer.services = services;
    while (Query* q = ring.first()) {
      q->forget();
      q->on_resolved(answer);
    }
  }
};

bool Resolver::Impl::open() {
  if (channel) return true;
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  ares_options o{};
  int mask = ARES_OPT_SOCK_STATE_CB;
  o.sock_state_cb = on_socket;
  o.sock_state_cb_data = this;
  if (options.timeout_ms > 0) o.timeout = options.timeout_ms, mask |= ARES_OPT_TIMEOUTMS;
  if (options.tries > 0) o.tries = options.tries, mask |= ARES_OPT_TRIES;
  if (ares_init_options(&channel, &o, mask) != ARES_SUCCESS) {
    channel = nullptr;
    return false;
  }
  const char* environment = std::getenv("SLUICE_DNS_SERVERS");  // a service registry's, which resolv.conf has no port for
  const std::string servers = !options.servers.empty() || !environment ? options.servers : environment;
  if (!servers.empty() && ares_set_servers_ports_csv(channel, servers.c_str()) != ARES_SUCCESS) {
    ares_destroy(channel);
    channel = nullptr;
    return false;
  }
  timer = new uv_timer_t;
  timer->data = this;
  uv_timer_init(loop.uv(), timer);
  uv_unref(reinterpret_cast<uv_handle_t*>(timer));
  return true;
}

void Resolver::Impl::arm_timer() {
  timeval tv{}, *next = ares_timeout(channel, nullptr, &tv);
  if (!next) {
    uv_timer_stop(timer);
    return;
  }
  uint64_t ms = static_cast<uint64_t>(next->tv_sec) * 1000 + static_cast<uint64_t>(next->tv_usec) / 1000 + 1;
  uv_timer_start(timer, [](uv_timer_t* t) { static_cast<Impl*>(t->data)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }, ms, 0);
}

void Resolver::Impl::on_socket(void* data, ares_socket_t fd, int readable, int writable) {
  auto* self = static_cast<Impl*>(data);
  auto at = std::find_if(self->sockets.begin(), self->sockets.end(), [fd](Socket* s) { return s->fd == fd; });
  if (!readable && !writable) {  // c-ares closes the descriptor right after this
    if (at == self->sockets.end()) return;
    Socket* s = *at;
    self->sockets.erase(at);
    s->resolver = nullptr;
    uv_poll_stop(&s->poll);
    uv_close(reinterpret_cast<uv_handle_t*>(&s->poll), [](uv_handle_t* h) { delete static_cast<Socket*>(h->data); });
    return;
  }
  Socket* s;
  if (at == self->sockets.end()) {
    s = new Socket{{}, fd, self};
    if (uv_poll_init(self->loop.uv(), &s->poll, fd) != 0) {
      delete s;  // the query then runs into its time-out
      return;
    }
    s->poll.data = s;
    self->sockets.push_back(s);
  } else {
    s = *at;
  }
  uv_poll_start(&s->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), [](uv_poll_t* p, int status, int events) {
    auto* socket = static_cast<Socket*>(p->data);
    if (!socket->resolver) return;
    if (status < 0) events = UV_READABLE | UV_WRITABLE;
    socket->resolver->process(events & UV_READABLE ? socket->fd : ARES_SOCKET_BAD,
                              events & UV_WRITABLE ? socket->fd : ARES_SOCKET_BAD);
  });
}

void Resolver::Impl::start(Entry& e) {
  ++lookups;
  e.busy = true;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  starting = true;
  if (e.of_services)
    ares_query(channel, e.name.c_str(), kInternet, kSrv, on_services, &e);
  else
    ares_getaddrinfo(channel, e.name.c_str(), nullptr, &hints, on_addresses, &e);
  starting = false;
  arm_timer();
}

void Resolver::Impl::on_addresses(void* data, int status, int, ares_addrinfo* result) {
  Entry& e = *static_cast<Entry*>(data);
  e.addresses.clear();
  int64_t least = INT32_MAX;
  if (status == ARES_SUCCESS && result) {
    e.addresses = interleave(result->nodes);
    for (auto* n = result->nodes; n; n = n->ai_next) least = std::min<int64_t>(least, n->ai_ttl);
    for (auto* c = result->cnames; c; c = c->next) least = std::min<int64_t>(least, c->ttl);
  }
  if (result) ares_freeaddrinfo(result);
  e.resolver->conclude(e, status, least);
}

void Resolver::Impl::on_services(void* data, int status, int, unsigned char* message, int size) {
  Entry& e = *static_cast<Entry*>(data);
  e.services.clear();
  uint32_t ttl = 0;
  if (status == ARES_SUCCESS &&
      !parse_services({reinterpret_cast<const char*>(message), static_cast<size_t>(size)}, e.services, &ttl))
    status = ARES_EBADRESP;
  e.resolver->conclude(e, status, ttl);
}

void Resolver::Impl::conclude(Entry& e, int status, int64_t ttl_seconds) {
  e.error = {};
  uint64_t ttl = std::clamp<uint64_t>(ttl_seconds > 0 ? static_cast<uint64_t>(ttl_seconds) * 1000 : 0, options.min_ttl_ms, options.max_ttl_ms);
  e.no_such_name = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_SUCCESS;
  e.timed_out = status == ARES_ETIMEOUT;
  if (e.size() == 0) {
    e.error = status != ARES_SUCCESS ? ares_strerror(status) : e.of_services ? "no service" : "no address";  // static texts
    ttl = options.failure_ttl_ms;
  }
  e.expires_ms = loop.now_ms() + ttl;
  if (closed) return;
  if (starting) {
    answered.push_back(&e);
    loop.deadlines().arm(later, 0);
    return;
  }
  e.busy = false;
  tell(e);
}

void Resolver::Impl::on_answer_later(loop::Deadline& d) noexcept {
  Impl& self = *static_cast<Later&>(d).resolver;
  std::vector<Entry*> list;
  list.swap(self.answered);
  for (Entry* e : list) {
    if (self.closed) return;
    e->busy = false;
    self.tell(*e);
  }
}

// Makes room for one name: expired ones first, then any that nobody waits for.
void Resolver::Impl::evict() {
  if (names.size() < options.max_names) return;
  uint64_t now = loop.now_ms();
  std::erase_if(names, [now](auto& n) { return !n.second->busy && n.second->expires_ms <= now; });
  for (auto it = names.begin(); it != names.end() && names.size() >= options.max_names;)
    it = it->second->busy ? std::next(it) : names.erase(it);
}

Resolver::Resolver(loop::Loop& loop, const ResolverOptions& options) : impl_{std::make_unique<Impl>(loop, options)} {
  impl_->later.resolver = impl_.get();
  impl_->later.on_expire(Impl::on_answer_later);
}

Resolver::~Resolver() { close(); }

bool Resolver::resolve(std::string_view host, bool services, Query& query, Addresses& out) {
  Impl& self = *impl_;
  out = {};
  if (!services && parse_address(host, self.literal)) {
    out.list = {&self.literal, 1};
    out.ttl_ms = self.options.max_ttl_ms;
    return true;
  }
  if (self.closed || !self.open()) {
    out.error = "the resolver cannot be used";
    return true;
  }
  if (host.empty() || host.size() > 255 || host.find('\0') != host.npos) {
    out.error = "invalid name";
    out.no_such_name = true;
    return true;
  }
  std::string key_of_services;
  std::string_view key = host;
  if (services) key = key_of_services.append("SRV").append(1, '\0').append(host);  // no name holds a NUL
  auto at = self.names.find(key);
  if (at == self.names.end()) {
    self.evict();
    if (self.names.size() >= self.options.max_names) {  // all of them are being looked up
      out.error = "too many lookups";
      return true;
    }
    auto entry = std::make_unique<Impl::Entry>();
    entry->resolver = &self;
    entry->name = host;
    entry->of_services = services;
    at = self.names.emplace(std::string{key}, std::move(entry)).first;
  }
  Impl::Entry& e = *at->second;
  if (!e.busy && self.loop.now_ms() < e.expires_ms) {
    out = e.view();
    return true;
  }
  e.waiting.add(query);
  if (!e.busy) self.start(e);
  return false;
}

void Resolver::close() {
  Impl& self = *impl_;
  if (self.closed) return;
  self.closed = true;
  self.later.disarm();
  if (self.channel) {
    ares_destroy(std::exchange(self.channel, nullptr));  // calls back for everything under way
    self.timer->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(self.timer), [](uv_handle_t* h) { delete reinterpret_cast<uv_timer_t*>(h); });
  }
  self.names.clear();
}

uint64_t Resolver::lookups() const { return impl_->lookups; }

}  // namespace sluice::http
