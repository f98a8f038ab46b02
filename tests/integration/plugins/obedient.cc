// test/obedient: uses every service that waits, keeps or streams, and obeys all rules. What check-plugin says against it is wrong.
// Counts its requests; the count is its state, and "X-Count" of its answers.
#include <algorithm>
#include <sluice/plugin.hpp>

namespace {

using sluice::Action;
using sluice::Chunk;
using sluice::Exchange;
using namespace std::chrono_literals;

class Obedient {
 public:
  static constexpr auto name = "test/obedient";
  static constexpr auto scopes = sluice::scope::endpoint | sluice::scope::backend;
  static constexpr int32_t stage = 450;
  static constexpr auto schema = R"({"type": "object", "additionalProperties": false})";

  explicit Obedient(sluice::Setup& setup)
      : count_{setup.header("X-Count")}, store_{setup.store()}, refresh_{setup.background().every(20ms, [this] { ++refreshed_; })} {}

  std::string export_state() const { return std::to_string(served_.load()); }
  bool import_state(std::string_view bytes) {
    if (bytes.empty() || bytes.size() > 18 || !std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
    served_ = std::stoull(std::string{bytes});
    return true;
  }

  // A counter that may be gone, then a name, then a thread of the pool; without any of them the request goes on.
  Action on_request(Exchange x) const {
    ++served_;
    store_.increment("visits", 1, 1s);
    x.read(store_, "visits");
    return x.lookup({.name = "127.0.0.1"}, [](Exchange y, sluice::Names names) {
      const bool local = names.ok() && names.size() == 1;
      return y.background([local] { return local ? 1 : 0; }, [](Exchange, int) { return sluice::next; });
    });
  }
  Action on_response(Exchange x) const {
    x.response().set_header(count_, std::to_string(served_.load()));
    return sluice::next;
  }
  // Small letters only, after a pause; no chunk is looked at together with another.
  Action on_request_chunk(Exchange x, Chunk c) const { return c.bytes().empty() ? sluice::next : x.after(1ms, [](Exchange) { return sluice::next; }); }
  Action on_response_chunk(Exchange, Chunk c) const {
    std::string text{c.bytes()};
    for (char& one : text) one = one >= 'A' && one <= 'Z' ? static_cast<char>(one + 32) : one;
    return text.empty() ? sluice::next : c.emit(text) ? sluice::take : sluice::failed;
  }

 private:
  sluice::Header count_;
  sluice::Store store_;
  mutable std::atomic<uint64_t> served_{0};
  std::atomic<uint64_t> refreshed_{0};
  sluice::BackgroundTask refresh_;  // last: ended before what it uses is gone
};

}  // namespace

SLC_PLUGIN("test.obedient", "1.0.0", Obedient)
