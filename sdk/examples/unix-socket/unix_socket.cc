// example/unix-socket: calls a backend over a Unix socket, in HTTP/1.0, instead of over TCP.
//
//   "extra_config": { "example/unix-socket": { "path": "/run/orders.sock" } }
//
// What to look at: a transport has its own thread here and must hand its result back to the worker that the request lives on.
// Three rules make it safe: only that worker touches the exchange, only the client's thread touches the socket, and a call that
// nobody waits for any more still comes home to be deleted.
#include <algorithm>
#include <optional>

#include <sluice/plugin.hpp>

#include "client.h"
#include "http10.h"

namespace {

using sluice::Action;
using sluice::Exchange;

// Response headers that are passed on, looked up when the configuration was read: names that a server invents are not worth a
// place in the gateway's table of names.
using Wanted = std::vector<std::pair<sluice::Header, std::string>>;

// What crosses the threads. Everything but the base class belongs to the worker.
class Waiting final : public example::Call {
 public:
  Waiting(Exchange x, const Wanted& wanted) : exchange_{x}, wanted_{&wanted}, worker_{x.worker()}, suspension_{x.suspend()} {}
  explicit operator bool() const { return static_cast<bool>(suspension_); }

  // [worker] The client has left, or the time is over: the exchange, and our configuration, must not be touched again.
  void forget() {
    exchange_.reset();
    abandoned = true;
  }

 private:
  // On the client's thread, where post() and resume() are all that may be asked of the gateway.
  void finished(std::unique_ptr<example::Call> self) noexcept override {
    const auto home = [](void* user) noexcept { std::unique_ptr<Waiting>{static_cast<Waiting*>(user)}->arrive(); };
    if (worker_.post(home, this)) static_cast<void>(self.release());
    // Else the worker has ended, and with it whoever waited: `self` deletes the call.
  }

  // [worker]
  void arrive() {
    if (!exchange_) return;
    exchange_->raw_slot() = nullptr;  // from here on there is nothing to cancel
    suspension_.resume(answer(*exchange_));
  }
  Action answer(Exchange x) {
    std::string why = problem;
    const auto a = why.empty() ? example::read_answer(in, why) : std::nullopt;
    if (!a) return x.fail(0, "unix socket: " + why);
    for (const auto& [name, value] : a->headers) {
      for (const auto& [id, text] : *wanted_) {
        if (example::same_name(name, text)) x.response().add_header(id, value);
      }
    }
    x.append_body(a->body);
    return x.reply(a->status);
  }

  std::optional<Exchange> exchange_;
  const Wanted* wanted_;
  sluice::Worker worker_;
  sluice::Suspension suspension_;
};

class UnixSocket {
 public:
  static constexpr auto name = "example/unix-socket";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "example/unix-socket",
  "description": "Calls the backend over a Unix socket, in HTTP/1.0.",
  "type": "object",
  "required": ["path"],
  "additionalProperties": false,
  "properties": {
    "path": {"type": "string", "minLength": 1, "maxLength": 107, "description": "The socket."},
    "host": {"type": "string", "default": "localhost", "description": "The Host header."},
    "response_headers": {
      "type": "array",
      "items": {"type": "string"},
      "default": ["Content-Type"],
      "description": "Headers of the answer that are passed on."
    }
  }
})";
  // The hooks keep nothing in the exchange by means of the wrapper, so the slot is ours: it points at the call.
  static constexpr bool synchronous = true;

  explicit UnixSocket(sluice::Setup& setup) : host_{setup.text("host", "localhost")}, client_{example::Client::start(setup.text("path"))} {
    if (!client_) setup.error("path", "cannot be used: a socket's path has at most 107 characters");
    std::vector<std::string> names = setup.texts("response_headers");
    if (!setup.has("response_headers")) names = {"Content-Type"};
    for (const std::string& n : names) {
      const sluice::Header id = setup.header(n);
      if (id == 0) setup.error("response_headers", '"' + n + "\" is not a header name");
      wanted_.emplace_back(id, n);
    }
    if (std::any_of(host_.begin(), host_.end(), [](char c) { return c <= ' ' || c == 0x7f; })) {
      setup.error("host", "holds something that no host name has");
    }
  }

  Action send(Exchange x) const {
    auto call = std::make_unique<Waiting>(x, wanted_);
    if (!*call) return x.fail(0, "unix socket: the gateway could not suspend the request");
    example::HeaderLines headers;
    x.request().each_header([&](std::string_view n, std::string_view v) { headers.emplace_back(n, v); });
    std::string target{x.path()};
    if (!x.query().empty()) target.append("?").append(x.query());
    call->out = example::write_request(x.method(), target, host_, headers, x.body());
    x.raw_slot() = call.get();
    if (client_->submit(std::move(call))) return sluice::pending;
    x.raw_slot() = nullptr;
    return x.fail(0, "unix socket: 256 calls are running already");
  }

  void cancel(Exchange x) const {
    if (auto* call = static_cast<Waiting*>(x.raw_slot())) {
      call->forget();
      client_->wake();
    }
  }

 private:
  std::string host_;
  Wanted wanted_;
  std::unique_ptr<example::Client> client_;  // last: its thread ends before anything else goes
};

}  // namespace

SLC_PLUGIN_WITH("example.unix-socket", "1.0.0", SLC_STARTS_THREADS, UnixSocket)
