#include "core/plugin/remote.h"

#include "core/plugin/registry.h"
#include "core/plugin/worker.h"

namespace sluice::plugin {

loop::Task<void> ask_and_wait(slc_exchange& x, AskRemote ask, const Object& object, RemoteCall& call) {
  const Place& place = object.place();
  {
    PlaceScope asking{&place, call.kind, x.memory};
    ask(object.state(*x.worker), x, call);
  }
  const WaitScope clock{place, call.kind, *x.worker};
  while (call.suspended) co_await call.resumed.wait();
}

}  // namespace sluice::plugin
