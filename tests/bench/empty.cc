// test/empty-0 … test/empty-9: middleware that does nothing, on the way in and on the way out. What is measured with it is the
// gateway's own work per stage.
#include <sluice/plugin.hpp>

namespace {

template <char number>
class Empty {
 public:
  static constexpr char name[] = {'t', 'e', 's', 't', '/', 'e', 'm', 'p', 't', 'y', '-', number, '\0'};
  static constexpr auto scopes = sluice::scope::service | sluice::scope::endpoint | sluice::scope::backend;
  static constexpr int32_t stage = 500;
  static constexpr bool synchronous = true;  // nothing to clean up: no on_done is installed
  explicit Empty(sluice::Setup&) {}
  sluice::Action on_request(sluice::Exchange) const { return sluice::next; }
  sluice::Action on_response(sluice::Exchange) const { return sluice::next; }
};

}  // namespace

SLC_PLUGIN("test.empty", "1.0.0", Empty<'0'>, Empty<'1'>, Empty<'2'>, Empty<'3'>, Empty<'4'>, Empty<'5'>, Empty<'6'>, Empty<'7'>,
           Empty<'8'>, Empty<'9'>)
