#include "core/plugin/handover.h"

#include "core/log/log.h"
#include "core/plugin/module.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

struct Bytes {
  std::string text;
  bool over = false;
};

slc_status take(void* to, slc_str bytes) noexcept {
  auto& b = *static_cast<Bytes*>(to);
  if (!sane(bytes)) return SLC_EINVAL;
  if (b.over || bytes.len > kMostState - b.text.size()) {
    b.over = true;
    return SLC_ELIMIT;
  }
  if (bytes.len) b.text.append(bytes.ptr, bytes.len);
  return SLC_OK;
}

void complain(const Object& o, std::string_view what) {
  SLC_LOG(warning, o.place().where, "[", o.place().binding, "] ", what, "; it starts as new (plugin ", o.place().plugin, ")");
}

}  // namespace

void hand_over(const Object& from, const Object& to) {
  const slc_lifecycle *old = from.binding().life, *fresh = to.binding().life;
  if (!old || !fresh || !SLC_HAS(old, slc_lifecycle, export_state) || !SLC_HAS(fresh, slc_lifecycle, import_state)) return;
  Bytes bytes;
  slc_status status;
  {
    PlaceScope scope{&from.place(), HookKind::export_state};
    status = old->export_state(from.object(), take, &bytes);
  }
  if (status != SLC_OK) {
    count_error(from.place(), HookKind::export_state);
    return complain(to, "the object before it did not hand its state over");
  }
  if (bytes.over) return complain(to, "the state of the object before it is larger than 16 MiB");
  {
    PlaceScope scope{&to.place(), HookKind::import_state};
    status = fresh->import_state(to.object(), {bytes.text.data(), bytes.text.size()});
  }
  if (status == SLC_OK) return;
  count_error(to.place(), HookKind::import_state);
  complain(to, "could not use the state of the object before it");
}

}  // namespace sluice::plugin
