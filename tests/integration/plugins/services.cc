// test/services: an endpoint middleware that answers with what a service of the host gave it. The header X-Do says which:
//   work         a job of the pool; "threads": ran it elsewhere     work-fails   a job that throws
//   work-stuck   a job that ends when /release was asked for        release      lets it end
//   dns NAME     the addresses of a name                            srv NAME     its services
//   count KEY    the store's counter                                put KEY V, get KEY, add KEY V, erase KEY
//   bell         rings a doorbell from another thread; how often it was heard on this worker
//   background   how often the object's background task has run (it runs again and again)
#include <condition_variable>
#include <sluice/plugin.hpp>
#include <thread>

namespace {

using sluice::Action;
using sluice::Exchange;
using namespace std::chrono_literals;

// A plugin-wide gate for the stuck job.
struct Gate {
  std::mutex mutex;
  std::condition_variable moved;
  int waiting = 0, open = 0;
};
Gate* gate = nullptr;

struct Plugin {
  static void load(sluice::Setup&) { gate = new Gate; }
  static void unload() { delete gate; }
};

class Services {
 public:
  static constexpr auto name = "test/services";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 300;

  explicit Services(sluice::Setup& setup)
      : do_{setup.header("X-Do")}, store_{setup.store(1 << 20)},
        refresh_{setup.background().every(5ms, [this] { ++runs_; })} {}

  struct PerWorker {
    PerWorker(const Services&, const sluice::Worker& w)
        : bell{w.doorbell([](void* me) noexcept { ++static_cast<PerWorker*>(me)->heard; }, this)} {}
    PerWorker(const PerWorker&) = delete;
    sluice::Doorbell bell;
    int heard = 0;
  };

  // The bell is heard on a later turn of the loop; nobody says which.
  static Action when_heard(Exchange x, PerWorker& mine, int before) {
    if (mine.heard > before) return x.reply(200, std::to_string(mine.heard), "text/plain");
    return x.after(5ms, [&mine, before](Exchange y) { return when_heard(y, mine, before); });
  }

  Action on_request(Exchange x, PerWorker& mine) const {
    const std::string_view line = x.header(do_);
    const size_t blank = std::min(line.find(' '), line.size());
    const std::string_view verb = line.substr(0, blank), rest = line.substr(std::min(blank + 1, line.size()));
    const size_t second = std::min(rest.find(' '), rest.size());
    const std::string_view key = rest.substr(0, second), value = rest.substr(std::min(second + 1, rest.size()));
    const auto text = [](Exchange y, std::string_view s) { return y.reply(200, s, "text/plain"); };
    if (verb == "work") {
      return x.background([worker = std::this_thread::get_id()] { return std::this_thread::get_id() != worker; },
                          [text](Exchange y, bool elsewhere) { return text(y, elsewhere ? "elsewhere" : "here"); });
    }
    if (verb == "work-fails") return x.background([]() -> int { throw std::runtime_error{"out of order"}; }, [text](Exchange y, int) { return text(y, "?"); });
    if (verb == "work-stuck") {
      x.log(sluice::Level::info, "stuck");
      return x.background(
          [] {
            std::unique_lock lock{gate->mutex};
            ++gate->waiting;
            gate->moved.notify_all();
            gate->moved.wait(lock, [] { return gate->open > 0; });
            --gate->open, --gate->waiting;
          },
          [text](Exchange y) { return text(y, "released"); });
    }
    if (verb == "release") {
      const std::lock_guard lock{gate->mutex};
      const int waiting = gate->waiting;
      gate->open = waiting;
      gate->moved.notify_all();
      return text(x, std::to_string(waiting));
    }
    if (verb == "dns" || verb == "srv") {
      return x.lookup({.name = key, .services = verb == "srv"}, [text](Exchange y, sluice::Names n) {
        std::string out = n.ok() ? "" : "failed " + std::to_string(n.result()) + " " + std::string{n.error()};
        for (uint32_t i = 0; i < n.size(); ++i) out.append(i ? " " : "").append(n.name(i));
        return text(y, out);
      });
    }
    if (verb == "count") return text(x, std::to_string(store_.increment(key).value_or(-1)));
    if (verb == "put") return text(x, std::to_string(store_.set(key, value).value));
    if (verb == "add") return text(x, std::to_string(store_.add(key, value).value));
    if (verb == "erase") return text(x, std::to_string(store_.erase(key).value));
    if (verb == "get") return text(x, x.read(store_, key).value_or("nothing"));
    if (verb == "bell") {
      const int before = mine.heard;
      std::thread{[bell = mine.bell] {
        bell.ring();
        bell.ring();
      }}.join();
      return x.after(20ms, [&mine, before](Exchange y) { return when_heard(y, mine, before); });
    }
    if (verb == "background") return text(x, std::to_string(runs_.load()));
    return x.reply(400);
  }

 private:
  sluice::Header do_;
  sluice::Store store_;
  std::atomic<int> runs_{0};
  sluice::BackgroundTask refresh_;  // last: ended before what it uses is gone
};

}  // namespace

SLC_PLUGIN_WITH("test.services", "1.0.0", SLC_STARTS_THREADS, Services, Plugin)
