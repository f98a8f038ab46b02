// test/pick: a balancer that takes the host named by the request's X-Host (its index), else its worker's next one. Tells the
// backend who chose, and between how many.
#include <sluice/plugin.hpp>

namespace {

class Pick {
 public:
  static constexpr auto name = "test/pick";
  static constexpr auto scopes = sluice::scope::service | sluice::scope::backend;

  struct PerWorker {
    uint32_t index, turn = 0;
    PerWorker(const Pick&, const sluice::Worker& w) : index{w.index()} {}
  };

  explicit Pick(sluice::Setup& setup) : wish_{setup.header("X-Host")}, told_{setup.header("X-Picked")} {}

  uint32_t pick(sluice::Exchange x, std::span<const slc_candidate> all, PerWorker& mine) const {
    const std::string_view wish = x.header(wish_);
    const uint32_t turn = mine.turn++;
    std::string text = "worker " + std::to_string(mine.index) + " turn " + std::to_string(turn) + " weights";
    for (const slc_candidate& c : all) text += ' ' + std::to_string(c.weight);
    text += " pending";
    for (const slc_candidate& c : all) text += ' ' + std::to_string(c.pending);
    x.set_header(told_, text);
    return wish.empty() ? turn : static_cast<uint32_t>(std::atoi(std::string{wish}.c_str()));
  }

 private:
  sluice::Header wish_, told_;
};

}  // namespace

SLC_PLUGIN("test.choosing", "1.0.0", Pick)
