// `backend/stub`: a backend that answers from the configuration, so that an API can be mocked, and its failures rehearsed,
// before the service behind it exists.
#include <atomic>
#include <random>

#include <sluice/plugin.hpp>

namespace {

using namespace std::chrono_literals;

// Text with placeholders, cut into pieces when the configuration is read.
class Template {
 public:
  Template() = default;
  Template(std::string_view text, bool json) : json_{json} {
    while (!text.empty()) {
      const size_t open = text.find('{');
      const size_t close = open == std::string_view::npos ? open : text.find_first_not_of(kNameCharacters, open + 1);
      const bool placeholder = close != std::string_view::npos && close > open + 1 && text[close] == '}';
      const size_t end = open == std::string_view::npos ? text.size() : placeholder ? open : open + 1;
      if (pieces_.empty() || !pieces_.back().name.empty()) pieces_.emplace_back();
      pieces_.back().before.append(text.substr(0, end));
      text.remove_prefix(end);
      if (placeholder) {
        pieces_.back().name = text.substr(1, close - open - 1);
        text.remove_prefix(close - open + 1);
      }
    }
    dynamic_ = pieces_.size() > 1 || (!pieces_.empty() && !pieces_[0].name.empty());
  }

  void write(const sluice::Exchange& x) const {
    // The configuration outlives the exchange, so its text need not be copied.
    if (!dynamic_) {
      if (!pieces_.empty()) x.append_body(pieces_[0].before, true);
      return;
    }
    for (const Piece& p : pieces_) {
      x.append_body(p.before, true);
      if (p.name.empty()) continue;
      const std::string_view value = value_of(x, p.name);
      if (!value.data()) {  // no such parameter: left as it is written
        x.append_body("{", true);
        x.append_body(p.name, true);
        x.append_body("}", true);
      } else if (json_) {
        std::string quoted;
        sluice::append_json_string(quoted, value);
        x.append_body(std::string_view{quoted}.substr(1, quoted.size() - 2));
      } else {
        x.append_body(value);
      }
    }
  }

 private:
  // No JSON syntax can be taken for a placeholder: after '{' comes a quote, a blank or '}' there.
  static constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  struct Piece {
    std::string before, name;
  };
  static std::string_view value_of(const sluice::Exchange& x, std::string_view name) {
    if (name == "request.method") return x.method();
    if (name == "request.path") return x.path();
    if (name == "request.query") return x.query();
    return x.param(name);
  }

  std::vector<Piece> pieces_;
  bool json_ = false, dynamic_ = false;
};

struct Answer {
  int status = 200;
  Template body;
  std::vector<std::pair<sluice::Header, std::string>> headers;
  std::chrono::milliseconds latency{0}, jitter{0};
};

int status_of(sluice::Setup& setup, int otherwise) { return static_cast<int>(setup.integer("status", otherwise, 200, 599)); }

std::chrono::milliseconds wait_of(sluice::Setup& setup, std::string_view key, std::chrono::milliseconds otherwise) {
  const auto ns = setup.duration(key, otherwise);
  if (ns < 0ns || ns > 24h) setup.error(key, "must be from 0s to 24h");
  return std::chrono::duration_cast<std::chrono::milliseconds>(ns);
}

Answer read_answer(sluice::Setup& setup, const Answer& base) {
  Answer a;
  a.status = status_of(setup, base.status);
  a.latency = wait_of(setup, "latency", base.latency);
  a.jitter = wait_of(setup, "jitter", base.jitter);
  const sluice::Value body = setup.value("body");
  std::string type = "application/json";
  if (setup.has("text")) {
    if (body.present()) setup.error("text", "stands beside \"body\"; give one of them");
    a.body = Template{setup.text("text", ""), false};
    type = "text/plain; charset=utf-8";
  } else if (body.present()) {
    std::string json;
    sluice::append_json(json, body);
    a.body = Template{json, true};
  } else {
    a.body = base.body;
    type.clear();
  }
  type = setup.text("content_type", type);
  const sluice::Header content_type = setup.header("content-type");
  const bool own_headers = setup.has("headers");
  if (!own_headers) a.headers = base.headers;
  setup.each("headers", [&](std::string_view name, sluice::Setup item) {
    const sluice::Header id = item.header(name);
    if (id == 0) return item.error("", "is not a header name");
    const auto add = [&](sluice::Value v) {
      if (!v.is_string() && !v.is_number()) return item.error("", sluice::Setup::expected("a string or a list of strings", v));
      if (id == content_type) return void(type = v.text());
      a.headers.emplace_back(id, v.text());
    };
    if (item.value().is_array()) item.value().each([&](uint32_t, sluice::Value v) { add(v); });
    else add(item.value());
  });
  if (!type.empty()) {
    std::erase_if(a.headers, [&](const auto& h) { return h.first == content_type; });
    a.headers.emplace_back(content_type, type);
  }
  return a;
}

// xorshift64*, one per worker.
struct Random {
  uint64_t state = uint64_t{std::random_device{}()} << 32 | std::random_device{}() | 1;
  double uniform() {  // [0, 1)
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return static_cast<double>(state * 2685821657736338717u >> 11) * 0x1p-53;
  }
};

class Stub {
 public:
  static constexpr auto name = "backend/stub";
  static constexpr auto scopes = sluice::scope::backend;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "backend/stub",
  "description": "Answers from the configuration instead of calling the backend's host.",
  "type": "object",
  "definitions": {
    "duration": {"type": "string", "examples": ["150ms", "2s"]},
    "answer": {
      "type": "object",
      "properties": {
        "status": {"type": "integer", "minimum": 200, "maximum": 599, "default": 200},
        "headers": {
          "type": "object",
          "additionalProperties": {"anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}}]}
        },
        "body": {"description": "Any JSON value. {name} inside its strings is replaced by that route parameter."},
        "text": {"type": "string", "description": "A body that is not JSON, with the same placeholders."},
        "content_type": {"type": "string"},
        "latency": {"$ref": "#/definitions/duration"},
        "jitter": {"$ref": "#/definitions/duration"}
      }
    }
  },
  "allOf": [{"$ref": "#/definitions/answer"}],
  "properties": {
    "responses": {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/answer"}, "description": "Given in turn."},
    "failure_rate": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
    "failure": {
      "description": "What a failing call gets: \"refuse\" (no answer at all) or a status.",
      "anyOf": [
        {"const": "refuse"},
        {"type": "object", "required": ["status"], "properties": {"status": {"type": "integer", "minimum": 200, "maximum": 599}}}
      ]
    }
  }
})";
  using PerWorker = Random;

  explicit Stub(sluice::Setup& setup) : failure_rate_{setup.number("failure_rate", 0)} {
    const Answer base = read_answer(setup, Answer{});
    setup.each("responses", [&](sluice::Setup item) {
      if (item.value().is_object()) answers_.push_back(read_answer(item, base));
      else item.error("", sluice::Setup::expected("an object", item.value()));
    });
    if (setup.value("responses").is_array() && setup.value("responses").size() == 0) setup.error("responses", "must not be empty");
    if (answers_.empty()) answers_.push_back(base);
    if (!(failure_rate_ >= 0 && failure_rate_ <= 1)) setup.error("failure_rate", "must be from 0 to 1");
    const sluice::Value failure = setup.value("failure");
    if (failure.is_object()) {
      sluice::Setup block = setup.object("failure");
      failure_status_ = block.has("status") ? status_of(block, 500) : (block.error("status", "an integer is required"), 500);
    } else if (failure.present() && failure.text() != "refuse") {
      setup.error("failure", "expected \"refuse\" or an object with a status");
    }
  }

  sluice::Action send(sluice::Exchange x, Random& random) const {
    if (failure_rate_ > 0 && random.uniform() < failure_rate_) {
      return failure_status_ != 0 ? x.reply(failure_status_) : x.fail(0, "connection refused (backend/stub)");
    }
    // In turn over all workers: whoever mocks a sequence expects to see it in order.
    const Answer& a = answers_.size() == 1 ? answers_[0] : answers_[turn_.fetch_add(1, std::memory_order_relaxed) % answers_.size()];
    auto wait = a.latency;
    if (a.jitter > 0ms) wait += std::chrono::milliseconds{static_cast<int64_t>(random.uniform() * static_cast<double>(a.jitter.count()))};
    if (wait == 0ms) return answer(x, a);
    return x.after(wait, [&a](sluice::Exchange later) { return answer(later, a); });
  }

 private:
  static sluice::Action answer(sluice::Exchange x, const Answer& a) {
    for (const auto& [id, value] : a.headers) x.response().add_header(id, value);
    a.body.write(x);
    return x.reply(a.status);
  }

  double failure_rate_;
  int failure_status_ = 0;  // 0: refuse
  std::vector<Answer> answers_;
  mutable std::atomic<uint32_t> turn_{0};
};

}  // namespace

SLC_PLUGIN("sluice.stub", "1.0.0", Stub)
