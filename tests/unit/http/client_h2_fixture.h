// Backends that speak HTTP/2, by nghttp2's server side, on the client's own loop.
#pragma once
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <map>
#include <set>

#include "client_fixture.h"

namespace sluice::http {

// One connection's session. What it has to say leaves with flush(), unless the test holds it back.
class H2Peer {
 public:
  struct Request {
    int32_t id = 0;
    std::map<std::string, std::string> fields;
    std::string body;
    bool ended = false, closed = false;
    uint32_t code = 0;           // closed
    std::string answer;          // bytes of body still to be sent
    bool last = true;            // and nothing follows them
  };
  using Settings = std::vector<nghttp2_settings_entry>;

  H2Peer(Backend::Peer& peer, const Settings& settings, bool auto_window) : peer{&peer} {
    nghttp2_session_callbacks* c = nullptr;
    nghttp2_session_callbacks_new(&c);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, [](nghttp2_session*, const nghttp2_frame* f, void* u) {
      of(u).requests[f->hd.stream_id].id = f->hd.stream_id;
      of(u).most = std::max(of(u).most, of(u).open());
      return 0;
    });
    nghttp2_session_callbacks_set_on_header_callback(
        c, [](nghttp2_session*, const nghttp2_frame* f, const uint8_t* n, size_t ns, const uint8_t* v, size_t vs, uint8_t, void* u) {
          of(u).requests[f->hd.stream_id].fields[{reinterpret_cast<const char*>(n), ns}] = {reinterpret_cast<const char*>(v), vs};
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* p, size_t n, void* u) {
      of(u).requests[id].body.append(reinterpret_cast<const char*>(p), n);
      return 0;
    });
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, [](nghttp2_session*, const nghttp2_frame* f, void* u) {
      if (f->hd.type == NGHTTP2_PING) (f->hd.flags & NGHTTP2_FLAG_ACK ? of(u).pongs : of(u).pings)++;
      if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) && (f->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        of(u).requests[f->hd.stream_id].ended = true;
        of(u).complete.push_back(f->hd.stream_id);
      }
      return 0;
    });
    nghttp2_session_callbacks_set_on_stream_close_callback(c, [](nghttp2_session*, int32_t id, uint32_t code, void* u) {
      of(u).requests[id].closed = true, of(u).requests[id].code = code;
      return 0;
    });
    nghttp2_option* o = nullptr;
    nghttp2_option_new(&o);
    nghttp2_option_set_no_auto_window_update(o, !auto_window);
    nghttp2_option_set_no_http_messaging(o, 1);  // it may say what it likes
    nghttp2_session_server_new2(&session, c, this, o);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(c);
    nghttp2_submit_settings(session, 0, settings.data(), settings.size());
  }
  ~H2Peer() { nghttp2_session_del(session); }
  H2Peer(const H2Peer&) = delete;

  int open() const {
    int n = 0;
    for (auto& [id, r] : requests) n += !r.closed;
    return n;
  }
  void feed() {
    std::string in = std::move(peer->in);
    peer->in.clear();
    if (deaf) return;
    nghttp2_session_mem_recv(session, reinterpret_cast<const uint8_t*>(in.data()), in.size());
    flush();
  }
  std::string output() {
    std::string out;
    const uint8_t* p = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(session, &p)) > 0;) out.append(reinterpret_cast<const char*>(p), static_cast<size_t>(n));
    return out;
  }
  void flush() {
    if (held) return;
    if (std::string out = output(); !out.empty()) peer->send(out);
  }
  using Fields = std::vector<std::pair<std::string, std::string>>;
  // end: the head alone is the answer. No more than the head is sent with body == nullptr.
  void respond(int32_t id, const Fields& fields, const char* body = nullptr, bool last = true) {
    respond(id, fields, body ? std::string{body} : std::string{}, last, !body);
  }
  void respond(int32_t id, const Fields& fields, const std::string& body, bool last, bool no_body) {
    std::vector<nghttp2_nv> list = names(fields);
    Request& r = requests[id];
    r.answer = body, r.last = last;
    nghttp2_data_provider p{{.ptr = &r}, [](nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags, nghttp2_data_source* s, void*) {
                              auto& q = *static_cast<Request*>(s->ptr);
                              size_t n = std::min(room, q.answer.size());
                              q.answer.copy(reinterpret_cast<char*>(to), n);
                              q.answer.erase(0, n);
                              if (q.answer.empty() && q.last) *flags |= NGHTTP2_DATA_FLAG_EOF;
                              return n || q.last ? static_cast<ssize_t>(n) : ssize_t{NGHTTP2_ERR_DEFERRED};
                            }};
    nghttp2_submit_response(session, id, list.data(), list.size(), no_body ? nullptr : &p);
    flush();
  }
  void more(int32_t id, const std::string& body, bool last) {
    requests[id].answer += body, requests[id].last = last;
    nghttp2_session_resume_data(session, id);
    flush();
  }
  // Further heads: interim ones, trailers.
  void head(int32_t id, const Fields& fields, bool end = false) {
    std::vector<nghttp2_nv> list = names(fields);
    nghttp2_submit_headers(session, end ? uint8_t{NGHTTP2_FLAG_END_STREAM} : uint8_t{0}, id, nullptr, list.data(), list.size(), nullptr);
    flush();
  }
  void reset(int32_t id, uint32_t code) {
    nghttp2_submit_rst_stream(session, 0, id, code);
    flush();
  }
  void goaway(int32_t last) {
    nghttp2_submit_goaway(session, 0, last, NGHTTP2_NO_ERROR, nullptr, 0);
    flush();
  }

  Backend::Peer* peer;
  nghttp2_session* session = nullptr;
  std::map<int32_t, Request> requests;
  std::vector<int32_t> complete;  // in the order of their ends
  int most = 0, pings = 0, pongs = 0;
  bool held = false;              // output stays here
  bool deaf = false;

 private:
  static H2Peer& of(void* u) { return *static_cast<H2Peer*>(u); }
  static std::vector<nghttp2_nv> names(const Fields& fields) {
    std::vector<nghttp2_nv> list;
    auto bytes = [](const std::string& s) { return reinterpret_cast<uint8_t*>(const_cast<char*>(s.data())); };
    for (auto& [n, v] : fields) list.push_back({bytes(n), bytes(v), n.size(), v.size(), NGHTTP2_NV_FLAG_NONE});
    return list;
  }
};

class H2Fixture : public ClientFixture {
 protected:
  ~H2Fixture() override { finish(); }

  // A backend whose connections are h2[0], h2[1], …; `settings` and `serve` may be set before the first.
  Backend& make_h2(SSL_CTX* tls = nullptr) {
    Backend& b = make_backend(tls);
    b.on_data = [this](Backend::Peer& p) {
      if (p.index >= h2.size()) h2.resize(p.index + 1);
      if (!h2[p.index]) h2[p.index] = std::make_unique<H2Peer>(p, settings, auto_window);
      h2[p.index]->held = hold;
      h2[p.index]->feed();
      if (serve) serve(*h2[p.index]);
    };
    b.on_eof = [this](Backend::Peer&) { ++eofs; };
    return b;
  }
  Origin always(const Backend& b, std::shared_ptr<TlsClientContext> tls = nullptr) { return origin_of(b, tls, "127.0.0.1", Http2Mode::always); }
  // `body` and `head` are the test's: they outlive the call.
  std::unique_ptr<TestCall> call(const Origin& origin, const std::string& method = "GET", const std::string& more = "", Slice body = {},
                                 std::function<void(ClientCall::Request&)> change = {}) {
    std::string head = method + " /p?q HTTP/1.1\r\nHost: " + origin.authority + "\r\n" + more + "\r\n";
    return std::make_unique<TestCall>(*client, origin, head, [&](ClientCall::Request& r) {
      r.head = r.bytes[0];
      if (!body.empty()) r.body = {&body, 1};
      r.head_method = method == "HEAD";
      r.idempotent = method != "POST";
      if (change) change(r);
    });
  }
  // Answers each complete request with its own path and body.
  static void echo(H2Peer& p) {
    for (int32_t id : std::exchange(p.complete, {}))
      p.respond(id, {{":status", "200"}, {"x-method", p.requests[id].fields[":method"]}}, p.requests[id].body, true, p.requests[id].body.empty());
  }
  bool arrived(size_t peers, size_t requests) {
    size_t n = 0, with = 0;
    for (auto& p : h2)
      if (p) n += p->requests.size(), ++with;
    return with >= peers && n >= requests;
  }

  std::vector<std::unique_ptr<H2Peer>> h2;
  H2Peer::Settings settings{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100}};
  std::function<void(H2Peer&)> serve;
  bool auto_window = true, hold = false;
  int eofs = 0;
};

}  // namespace sluice::http
