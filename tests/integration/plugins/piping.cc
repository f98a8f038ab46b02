// Transports that stream. test/pipe is one whose every step a test asks for, through requests of its own to an endpoint with
// test/pipe-control: "?do=…&id=…&text=…". A block of test/pipe is {"id": "a", "mode": …}; its gateways have one worker.
//   manual   answers at once, the body follows ("length": so many bytes); "late": true: answers when it is told so
//   fill     "total" bytes, as many at a time as there is room for
//   timer    "total" times "tick " from a timer
//   echo     what the client sends, while it is sent; as the room behind it allows
//   hold     takes no piece of the request before it is told so, then all; the answer is their number of bytes
//   refuse   fails at the first piece
// Does: emit, finish, break, head, fail, take; and tells: room, made, got. The answer is what came of it.
#include <sluice/plugin.hpp>

#include <map>
#include <memory>
#include <optional>

namespace {

using sluice::Action;
using sluice::Chunk;
using sluice::Exchange;
using namespace std::chrono_literals;

struct Call;
std::map<std::string, Call*, std::less<>> running;

// One call of the transport; goes with its exchange.
struct Call {
  Call(std::string name, Exchange of) : id{std::move(name)}, x{of} { running[id] = this; }
  ~Call() {
    if (const auto own = running.find(id); own != running.end() && own->second == this) running.erase(own);
  }
  std::string id;
  Exchange x;
  sluice::Suspension head, piece;
  size_t made = 0, got = 0;
  bool takes = false;
};

class Pipe {
 public:
  static constexpr auto name = "test/pipe";
  static constexpr auto scopes = sluice::scope::backend;

  explicit Pipe(sluice::Setup& setup)
      : id_{setup.text("id", "a")}, mode_{setup.text("mode", "manual")}, type_{setup.text("type", "text/plain")},
        late_{setup.boolean("late", false)}, length_{setup.integer("length", sluice::length_unknown)},
        total_{static_cast<size_t>(setup.integer("total", 0))}, content_type_{setup.header("Content-Type")} {}

  Action send(Exchange x) const {
    x.log(sluice::Level::info, "pipe ", id_, " sends, ", x.request_length(), " bytes come");
    Call& c = x.make_state<Call>(id_, x);
    if (mode_ == "hold" || mode_ == "refuse") return c.head = x.suspend(), sluice::pending;
    if (!x.follow(mode_ == "echo" ? x.request_length() : length_)) return x.fail(0, "the body cannot follow");
    x.response().set_header(content_type_, type_);
    if (late_) return c.head = x.suspend(), sluice::pending;
    if (mode_ == "timer") tick(x);
    return x.reply(200);
  }
  Action on_request_chunk(Exchange x, Chunk chunk) const {
    Call& c = *x.state<Call>();
    if (mode_ == "refuse") return x.fail(418, "pipe will not have it", "no", "text/plain");
    if (mode_ == "echo") {
      if (!chunk.bytes().empty() && !x.emit(SLC_RESPONSE, chunk.bytes())) return c.piece = x.suspend(), sluice::pending;
      c.got += chunk.bytes().size();
      if (chunk.last()) x.finish();
      return sluice::take;
    }
    if (mode_ == "hold" && !c.takes) return c.piece = x.suspend(), sluice::pending;
    c.got += chunk.bytes().size();
    if (mode_ == "hold" && chunk.last()) c.head.resume(x.reply(200, std::to_string(c.got), "text/plain"));
    return sluice::next;
  }
  void on_room(Exchange x) const {
    Call& c = *x.state<Call>();
    if (mode_ == "echo") c.piece.resume(sluice::again);
    if (mode_ != "fill") return;
    static const std::string kPiece(50'000, 'f');
    while (c.made < total_) {
      const std::string_view next = std::string_view{kPiece}.substr(0, total_ - c.made);
      if (!x.emit(SLC_RESPONSE, next)) return;
      c.made += next.size();
    }
    x.finish();
  }
  void cancel(Exchange x) const { x.log(sluice::Level::info, "pipe ", id_, " is over"); }

 private:
  void tick(Exchange x) const {
    x.call_later(1ms, [this](Exchange y) {
      y.emit(SLC_RESPONSE, "tick ");
      if (++y.state<Call>()->made == total_) y.finish();
      else tick(y);
    });
  }
  std::string id_, mode_, type_;
  bool late_;
  int64_t length_;
  size_t total_;
  sluice::Header content_type_;
};

class Control {
 public:
  static constexpr auto name = "test/pipe-control";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 450;

  Action on_request(Exchange x) const {
    // Posted: in the call of another binding, the transport's body is none of its business. By then our exchange may be gone.
    struct Order {
      std::optional<Exchange> x;
      sluice::Suspension suspension;
    };
    struct Guard {
      std::shared_ptr<Order> order;
      ~Guard() { order->x.reset(); }
    };
    auto order = std::make_shared<Order>(Order{x, x.suspend()});
    x.make<Guard>(order);
    auto* user = new std::shared_ptr<Order>{order};
    const auto run = [](void* posted) noexcept {
      const std::unique_ptr<std::shared_ptr<Order>> own{static_cast<std::shared_ptr<Order>*>(posted)};
      Order& o = **own;
      if (o.x) o.suspension.resume(o.x->reply(200, obey(o.x->query()), "text/plain"));
    };
    if (!x.worker().post(run, user)) delete user;
    return sluice::pending;
  }

 private:
  static std::string_view value(std::string_view query, std::string_view key) {
    const size_t at = ("&" + std::string{query}).find("&" + std::string{key} + "=");
    if (at == query.npos) return {};
    query.remove_prefix(at + key.size() + 1);
    return query.substr(0, query.find('&'));
  }
  static std::string obey(std::string_view query) {
    const auto found = running.find(value(query, "id"));
    if (found == running.end()) return "gone";
    Call& c = *found->second;
    const std::string_view what = value(query, "do"), text = value(query, "text");
    if (what == "emit") return std::to_string(c.x.emit(SLC_RESPONSE, text).value);
    if (what == "finish") return std::to_string(c.x.finish().value);
    if (what == "break") return std::to_string(c.x.break_off(text).value);
    if (what == "head") return std::to_string(c.head.resume(c.x.reply(200)).value);
    if (what == "fail") return std::to_string(c.head.resume(c.x.fail(503, "pipe fails", "busy", "text/plain")).value);
    if (what == "take") return c.takes = true, std::to_string(c.piece.resume(sluice::again).value);
    if (what == "room") return std::to_string(c.x.room(SLC_RESPONSE));
    if (what == "made") return std::to_string(c.made);
    if (what == "got") return std::to_string(c.got);
    return "what?";
  }
};

}  // namespace

SLC_PLUGIN("test.piping", "1.0.0", Pipe, Control)
