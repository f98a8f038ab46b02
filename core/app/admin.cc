#include "core/app/admin.h"

#include <utility>

namespace sluice::app {

namespace {
// Nobody who may open the socket is an attacker; a forgotten connection shall still not stay for ever.
http::ServerOptions options() {
  http::ServerOptions o;
  o.read_header_timeout_ms = 10'000;
  o.idle_timeout_ms = 60'000;
  o.max_header_bytes = 16 * 1024;
  o.max_connections = 64;
  return o;
}
}  // namespace

// One call of the door, from its head to its answer. On the admin's loop.
class Admin::Call final : public http::StreamOwner {
 public:
  Call(Admin& admin, uint64_t id, http::Stream& stream) : admin_{admin}, id_{id}, stream_{stream} { stream.set_owner(this); }

  void answer(const Reply& r) {
    http::ResponseHead head;
    head.status = r.status;
    head.headers.bind(stream_.arena());
    head.headers.add("Content-Type", stream_.arena().copy(r.content_type));
    std::string_view body = stream_.arena().copy(r.body);
    stream_.respond(head, {&body, 1});
    end();
  }
  void on_body(http::Slices, bool) noexcept override {}
  void on_body_error(const Error&) noexcept override {}
  void on_drain() noexcept override {}
  void on_gone() noexcept override { end(); }

 private:
  void end() {
    http::Stream& stream = stream_;
    admin_.calls_.erase(id_);
    delete this;
    stream.release();
  }
  Admin& admin_;
  uint64_t id_;
  http::Stream& stream_;
};

Admin::Admin() : server_{loop_, *this, options()}, link_{std::make_shared<Link>()} { link_->admin = this; }

Admin::~Admin() {
  {
    std::lock_guard lock{link_->mutex};
    link_->admin = nullptr;
  }
  if (thread_.joinable()) {
    loop_.post([this] { end(); });
    thread_.join();
  } else {
    end();
    loop_.run();
  }
}

void Admin::end() {
  server_.close();
  loop_.stop();
}

void Admin::add(std::string method, std::string path, Handler handler) {
  routes_.push_back({std::move(method), std::move(path), std::move(handler)});
}

void Admin::add_section(std::string name, Section value) { sections_.emplace_back(std::move(name), std::move(value)); }

std::string Admin::sections() const {
  std::string out;
  for (const auto& [name, value] : sections_) out += (out.empty() ? "\"" : ",\"") + name + "\":" + value();
  return out;
}

Result<bool, Problem> Admin::open(const std::string& path) {
  auto listening = server_.listen_unix(path);
  if (listening) path_ = path;
  return listening;
}

void Admin::start() {
  thread_ = std::thread{[this] { loop_.run(); }};
}

void Admin::on_request(http::Stream& stream) noexcept {
  const http::RequestHead& head = stream.head();
  uint64_t id = ++last_;
  auto* call = new Call{*this, id, stream};
  calls_.emplace(id, call);
  const Route* route = nullptr;
  std::string methods;
  for (const Route& r : routes_) {
    if (r.path != head.path) continue;
    if (r.method == head.method) route = &r;
    methods += (methods.empty() ? "" : ", ") + r.method;
  }
  if (!route) {
    std::string known;
    for (const Route& r : routes_) known += (known.empty() ? "" : ", ") + r.method + " " + r.path;
    return call->answer(methods.empty() ? Reply{404, R"({"error":"there is only )" + known + "\"}"}
                                        : Reply{405, R"({"error":"use )" + methods + "\"}"});
  }
  Request request{std::string{head.method}, std::string{head.path}, std::string{head.query}};
  route->handler(request, [link = link_, id](Reply reply) {
    std::lock_guard lock{link->mutex};
    if (!link->admin) return;
    link->admin->loop_.post([admin = link->admin, id, reply = std::move(reply)] {
      auto it = admin->calls_.find(id);
      if (it != admin->calls_.end()) it->second->answer(reply);
    });
  });
}

}  // namespace sluice::app
