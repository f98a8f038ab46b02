// test/stamp: says in the answer which build of it was at work, and counts the requests that began and those that ended
// (on_done) in blocks that all builds share. The build "bad" fails every request, "flaky" its first six.
#include <atomic>
#include <string>

#include <sluice/plugin.hpp>

namespace {

using sluice::Action;
using sluice::Exchange;

class Stamp {
 public:
  static constexpr auto name = "test/stamp";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 350;

  explicit Stamp(sluice::Setup& setup) : out_{setup.header("X-Build-Out")}, count_header_{setup.header("X-Count")},
                                        done_header_{setup.header("X-Done-Count")}, own_header_{setup.header("X-Own-Count")} {
    count_ = setup.shared<std::atomic<int64_t>>(setup.unique_key());
    done_ = setup.shared<std::atomic<int64_t>>(setup.unique_key() + " done");
    if (!count_ || !done_) setup.error("", "no shared block");
  }

  // What this object has counted goes to the one that takes its place.
  std::string export_state() const { return std::to_string(own_.load(std::memory_order_relaxed)); }
  bool import_state(std::string_view text) {
    int64_t n = 0;
    for (char c : text) {
      if (c < '0' || c > '9') return false;
      n = n * 10 + (c - '0');
    }
    own_ = n;
    return true;
  }

  Action on_request(Exchange) const {
    count_->fetch_add(1, std::memory_order_relaxed);
    own_.fetch_add(1, std::memory_order_relaxed);
#if defined(STAMP_BAD)
    return sluice::failed;
#elif defined(STAMP_FLAKY)
    return seen_.fetch_add(1) < 6 ? sluice::failed : sluice::next;
#else
    return sluice::next;
#endif
  }
  Action on_response(Exchange x) const {
    x.response().set_header(out_, STAMP_BUILD);
    x.response().set_header(own_header_, std::to_string(own_.load(std::memory_order_relaxed)));
    x.response().set_header(count_header_, std::to_string(count_->load(std::memory_order_relaxed)));
    x.response().set_header(done_header_, std::to_string(done_->load(std::memory_order_relaxed)));
    return sluice::next;
  }
  void on_done(Exchange) const { done_->fetch_add(1, std::memory_order_relaxed); }

 private:
  sluice::Header out_, count_header_, done_header_, own_header_;
  mutable std::atomic<int64_t> own_{0}, seen_{0};
  std::atomic<int64_t>*count_ = nullptr, *done_ = nullptr;
};

}  // namespace

SLC_PLUGIN("test.stamp", "1.0.0", Stamp)
