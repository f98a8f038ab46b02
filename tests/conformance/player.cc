#include "tests/conformance/player.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <mutex>

#include "tests/support/text.h"

namespace sluice::test {
namespace {

constexpr Limit kClientLimit{10'000};
// The recorder gave a bad configuration 5 s to be refused; a sanitizer build on a busy machine gets more.
constexpr Limit kRefusalLimit{20'000};

// The upper limits of the cases hold for the product; a build that is several times slower gets twice the time.
long long slack() { return instrumented_build() != nullptr ? 2 : 1; }

std::string request_head(const Json& send, const std::string& host, std::string& body) {
  std::vector<std::pair<std::string, Json>> headers = send.at("headers").members();
  auto has = [&](std::string_view name) {
    return std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); });
  };
  bool length_given = has("Content-Length"), host_given = has("Host");
  if (send.has("json")) {
    body = send.at("json").dump();
    if (!has("Content-Type")) headers.emplace_back("Content-Type", Json::text("application/json"));
  } else if (send.has("body")) {
    body = expand(send.at("body"));
  } else if (send.has("base64")) {
    body = from_base64(send.at("base64").str());
  }
  if (send.at("gzip").truth()) body = gzip(body);
  std::string method = send.has("method") ? send.at("method").str() : "GET";
  std::string out = method + " " + (send.has("path") ? send.at("path").str() : "/") + " HTTP/1.1\r\n";
  if (!host_given) out += "Host: " + host + "\r\n";
  for (const auto& [name, value] : headers) {
    if (value.is(Json::Kind::array)) {
      for (const Json& one : value.items()) out += name + ": " + one.str() + "\r\n";
    } else {
      out += name + ": " + value.str() + "\r\n";
    }
  }
  if (const Json& chunked = send.at("chunked"); chunked.truth()) {
    out += "Transfer-Encoding: chunked\r\n";
    auto step = static_cast<size_t>(chunked.whole(1000));
    std::string framed;
    for (size_t i = 0; i < body.size(); i += step) {
      std::string piece = body.substr(i, step);
      char size[24];
      std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
      framed += size + piece + "\r\n";
    }
    body = framed + "0\r\n\r\n";
  } else if ((!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") && !length_given) {
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  if (send.at("expect_continue").truth()) out += "Expect: 100-continue\r\n";
  return out + "\r\n";
}

}  // namespace

Player::Player(Json test_case) : case_(std::move(test_case)) {}
Player::~Player() = default;

std::string Player::fill(std::string_view text) const {
  std::string out;
  while (!text.empty()) {
    size_t begin = text.find('@');
    out += text.substr(0, begin);
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    size_t n = 1;
    while (n < text.size() && (std::isupper(static_cast<unsigned char>(text[n])) || text[n] == '_')) ++n;
    if (n == 1 || n >= text.size() || text[n] != '@') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    std::string_view name = text.substr(0, n + 1);
    auto it = std::find_if(places_.begin(), places_.end(), [&](const auto& p) { return p.first == name; });
    out += it != places_.end() ? it->second : std::string(name);
    text.remove_prefix(n + 1);
  }
  return out;
}

Json Player::fill(const Json& value) const {
  switch (value.kind()) {
    case Json::Kind::string: return Json::text(fill(value.str()));
    case Json::Kind::array: {
      Json out = Json::array();
      for (const Json& item : value.items()) out.push(fill(item));
      return out;
    }
    case Json::Kind::object: {
      Json out = Json::object();
      for (const auto& [key, member] : value.members()) out.set(fill(key), fill(member));
      return out;
    }
    default: return value;
  }
}

std::string Player::unfill(std::string text) const {
  for (const auto& [name, address] : places_) {
    if (!name.ends_with("PORT@")) text = replace_all(std::move(text), address, name);
  }
  return text;
}

void Player::place(const std::string& name, uint16_t port, bool tls) {
  std::string number = std::to_string(port), host = "127.0.0.1:" + number;
  places_.emplace_back("@" + name + "@", (tls ? "https://" : "http://") + host);
  places_.emplace_back("@" + name + "_HOST@", host);
  places_.emplace_back("@" + name + "_PORT@", number);
  std::stable_sort(places_.begin(), places_.end(), [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
}

void Player::prepare() {
  places_.emplace_back("@DIR@", folder_.path());
  auto write_files = [&](bool filled) {
    for (const auto& [name, content] : case_.at("files").members()) {
      Json c = filled ? fill(content) : content;
      folder_.write(name, c.is(Json::Kind::string) ? c.str() : c.dump());
    }
  };
  write_files(false);  // the backends need their certificates
  std::set<std::string> hidden = noise_headers();
  for (const Json& step : case_.at("steps").items()) {
    for (const Json& name : step.at("backend_headers_also").items()) hidden.erase(lower(name.str()));
  }
  for (const Json& name : case_.at("ignore_backend_headers").items()) hidden.insert(lower(name.str()));
  for (const auto& [name, spec] : case_.at("backends").members()) {
    auto& backend = backends_[name];
    backend = std::make_unique<MockBackend>(spec, hidden, fill(spec.at("tls")));
    place(name, backend->port(), spec.at("tls").truth());
  }
  dead_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(dead_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw Failure("cannot bind the dead port");
  place("DEAD", port_of(dead_), false);
  const Json& tls = case_.at("config").at("tls");
  tls_ = tls.truth() && !tls.at("disabled").truth();
  place("GATEWAY", port_.number(), tls_);
  for (const auto& [name, spec] : case_.at("backends").members()) backends_[name]->set_routes(fill(spec.at("routes")));
  write_files(true);
}

void Player::start() {
  Json config = case_.at("config");
  std::string text;
  if (config.is(Json::Kind::string)) {
    text = fill(config.str());
  } else {
    if (!case_.has("set_port") || case_.at("set_port").truth()) {
      config.set("port", Json::integer(port_.number()));
      if (!config.has("listen_ip")) config.set("listen_ip", Json::text("127.0.0.1"));
    }
    text = fill(config).dump({true, false, false});
  }
  std::string file = folder_.write(case_.has("config_name") ? case_.at("config_name").str() : "krakend.json", text);
  std::map<std::string, std::string> environment{{"USAGE_DISABLE", "1"}, {"NOTIFY_SOCKET", folder_.path() + "/notify"}};
  for (const auto& [name, value] : case_.at("env").members()) environment[name] = fill(value.str());
  notify_ = std::make_unique<NotifySocket>(environment["NOTIFY_SOCKET"]);
  process_ = std::make_unique<Process>(std::vector<std::string>{gateway_binary(), "run", "-c", file, "--plugins", plugins_folder()},
                                       clean_environment(environment), folder_.path());
}

void Player::judge_start() {
  auto code = process_->wait(kRefusalLimit);
  if (!code) {
    differences_.push_back("start: still running, expected a failed start");
  } else if (*code == 0 && case_.at("expect_start").str() == "fail") {
    differences_.push_back("start: exited with 0, expected a failure");
  } else if (*code < 0) {
    differences_.push_back("start: ended by signal " + std::to_string(-*code));
  }
}

std::vector<std::string> Player::play() {
  prepare();
  start();
  if (case_.has("expect_start")) {
    judge_start();
  } else if (!notify_->wait_ready(*process_)) {
    differences_.push_back("start: exited with " + std::to_string(process_->wait().value_or(-1)));
  } else {
    const auto& steps = case_.at("steps").items();
    for (size_t i = 0; i < steps.size(); ++i) {
      if (!play_step(i, steps[i])) break;
    }
  }
  end();
  return differences_;
}

Player::Session Player::open_session() {
  Session s;
  Fd fd = connect_to(port_.number(), kClientLimit);
  s.wire = tls_ && !case_.at("plain_client").truth() ? tls_connect(std::move(fd), kClientLimit) : std::make_unique<Wire>(std::move(fd));
  s.reader = std::make_unique<Reader>(*s.wire);
  return s;
}

std::vector<Answer> Player::exchange(const Json& send, const std::string& connection) {
  auto lost = [&](const char* error) {
    if (!connection.empty()) sessions_.erase(connection);
    Answer a;
    a.error = error;
    return std::vector<Answer>{a};
  };
  try {
    Session own;
    Session* s = &own;
    if (connection.empty()) {
      own = open_session();
    } else {
      auto it = sessions_.find(connection);
      if (it == sessions_.end()) it = sessions_.emplace(connection, open_session()).first;
      s = &it->second;
    }
    std::vector<std::string> methods;
    if (send.has("raw")) {
      s->wire->write(utf8_to_latin1(expand(send.at("raw"))), kClientLimit);
      for (const Json& m : send.at("methods").items()) methods.push_back(m.str());
      if (!send.has("methods")) methods.push_back("GET");
    } else {
      std::string body;
      s->wire->write(request_head(send, fill("@GATEWAY_HOST@"), body), kClientLimit);
      methods.push_back(send.has("method") ? send.at("method").str() : "GET");
      if (send.at("expect_continue").truth()) wait_readable(s->wire->fd(), Limit(1000));  // for 100 Continue, but not for ever
      s->wire->write(body, kClientLimit);
    }
    std::vector<Answer> out;
    for (const std::string& m : methods) out.push_back({"", read_response(*s->reader, m, kClientLimit)});
    return out;
  } catch (const TimedOut&) {
    return lost("timeout");
  } catch (const Failure&) {
    return lost("connection error");
  }
}

void Player::settle(const Json& step, size_t wanted) {
  // Late calls (cancelled or ignored ones) may still arrive after the answer: there is no event to wait for.
  std::this_thread::sleep_for(Limit(step.at("settle_ms").whole(15)));
  auto end = std::chrono::steady_clock::now() + Limit(500);
  auto seen = [&] {
    size_t n = 0;
    for (const auto& [name, b] : backends_) n += b->count();
    return n;
  };
  while (seen() < wanted && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(Limit(10));
}

bool Player::play_step(size_t index, const Json& step) {
  if (long long pause = step.at("pause_ms").whole(); pause > 0) std::this_thread::sleep_for(Limit(pause));
  Json send = fill(step.at("send"));
  const Json& expected = step.at("expect");
  std::vector<Answer> answers;
  auto begin = std::chrono::steady_clock::now();
  std::thread terminator;
  if (step.has("sigterm_ms")) {
    terminator = std::thread([&, after = Limit(step.at("sigterm_ms").whole())] {
      std::this_thread::sleep_for(after);
      process_->signal(SIGTERM);
    });
  }
  if (long long parallel = step.at("parallel").whole(); parallel > 0) {
    std::vector<std::thread> threads;
    std::mutex mutex;
    for (long long i = 0; i < parallel; ++i) {
      threads.emplace_back([&] {
        auto some = exchange(send, "");
        std::lock_guard lock(mutex);
        answers.insert(answers.end(), some.begin(), some.end());
      });
    }
    for (auto& t : threads) t.join();
  } else {
    for (long long i = step.at("times").whole(1); i > 0; --i) {
      auto some = exchange(send, step.at("connection").str());
      answers.insert(answers.end(), some.begin(), some.end());
    }
  }
  auto took = std::chrono::duration_cast<Limit>(std::chrono::steady_clock::now() - begin).count();
  size_t wanted = 0;
  for (const auto& [name, list] : expected.at("backend_saw").members()) wanted += list.size();
  settle(step, wanted);

  Seen seen;
  for (const auto& [name, b] : backends_) seen[name] = b->take();
  Json got = describe(step, answers, seen, [this](std::string t) { return unfill(std::move(t)); });
  if (terminator.joinable()) {
    terminator.join();
    auto code = process_->wait();
    got.set("exit_code", code ? Json::integer(*code) : Json::text("still running"));
  }
  for (const std::string& what : compare(step, expected, got, answers)) fail(index, what);

  if (took < expected.at("min_ms").whole()) fail(index, "took " + std::to_string(took) + " ms, min_ms is " + expected.at("min_ms").str());
  if (expected.has("max_ms") && took > expected.at("max_ms").whole() * slack()) {
    fail(index, "took " + std::to_string(took) + " ms, max_ms is " + expected.at("max_ms").str());
  }
  if (const Json* allowed = expected.find("status_in")) {
    for (const Answer& a : answers) {
      const auto& list = allowed->items();
      if (std::find(list.begin(), list.end(), a.status()) == list.end())
        fail(index, "status: expected one of " + allowed->dump() + ", got " + a.status().str());
    }
  }
  for (const auto& [name, limits] : expected.at("backend_counts").members()) {
    auto n = static_cast<long long>(seen[name].size());
    if (n < limits.at("min").whole() || n > limits.at("max").whole(1LL << 30)) {
      fail(index, "backend " + name + " saw " + std::to_string(n) + " requests, expected " + limits.dump());
    }
  }
  return answers.back().error != "timeout";  // a gateway that hangs is not asked again
}

void Player::end() {
  sessions_.clear();
  bool running = !process_->wait(Limit(0));
  if (running) {
    process_->signal(SIGTERM);
    auto code = process_->wait();
    if (!code) {
      differences_.push_back("end: still running after SIGTERM");
    } else if (*code != 0) {
      differences_.push_back("end: exit code " + std::to_string(*code));
    }
  } else if (!case_.has("expect_start") && process_->wait() != 0) {
    differences_.push_back("end: ended with code " + std::to_string(*process_->wait()));
  }
  if (std::string report = sanitizer_report(process_->output()); !report.empty()) differences_.push_back(report);
}

}  // namespace sluice::test
