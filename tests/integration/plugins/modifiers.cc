// test/answer-one, test/answer-two, and the same with -backend: middleware that looks at answers only, and notes its id on them.
#include <sluice/plugin.hpp>

namespace {

class Noting {
 public:
  explicit Noting(sluice::Setup& setup) : id_{setup.text("id")}, trace_{setup.header("X-Trace")} {}
  sluice::Action on_response(sluice::Exchange x) const {
    std::string trace{x.response().header(trace_)};
    if (!trace.empty()) trace += ' ';
    x.response().set_header(trace_, trace + id_);
    return sluice::next;
  }

 private:
  std::string id_;
  sluice::Header trace_;
};

#define NOTING(Class, the_name, the_scope)                   \
  struct Class : Noting {                                    \
    static constexpr auto name = the_name;                   \
    static constexpr auto scopes = sluice::scope::the_scope; \
    using Noting::Noting;                                    \
  };
NOTING(One, "test/answer-one", proxy)
NOTING(Two, "test/answer-two", proxy)
NOTING(OneAtBackend, "test/answer-one-backend", backend)
NOTING(TwoAtBackend, "test/answer-two-backend", backend)

}  // namespace

SLC_PLUGIN("test.modifiers", "1.0.0", One, Two, OneAtBackend, TwoAtBackend)
