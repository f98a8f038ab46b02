#include "core/plugin/exchange.h"

#include <algorithm>

#include "core/plugin/interpose.h"
#include "core/plugin/services.h"
#include "core/plugin/token_table.h"

slc_exchange::~slc_exchange() {
  if (suspended) worker->tokens->drop(*this);
  if (operations) worker->tokens->cancel_owned(*this);
  if (sluice::plugin::exchange_ended) [[unlikely]] sluice::plugin::exchange_ended(this);
}

namespace sluice::plugin {

bool finish_building(slc_exchange& x) {
  document::Builder* b = std::exchange(x.building, nullptr);
  if (!b) return true;
  document::Node root;
  if (marks_gone_nodes && x.response.has_data) [[unlikely]]
    document::mark_inside(x.response.data);
  if (b->finish(&root)) {
    x.response.data = root;
    x.response.has_data = true;
    return true;
  }
  // The old tree must not go on in its place: the plugin meant to change it, perhaps to take something out.
  x.response.data = document::Node{};
  x.response.has_data = false;
  if (!x.error) {
    x.error.code = Errc::plugin;
    x.error.source = Source::plugin;
    x.error.message = current_place ? x.arena().concat("plugin ", current_place->plugin, " left a broken or unfinished document")
                                    : std::string_view{"a plugin left a broken or unfinished document"};
  }
  return false;
}

uint32_t remaining_ms(const slc_exchange& x) {
  const uint64_t at = x.ends_at_ms(), now = x.worker->loop.now_ms();
  if (at == UINT64_MAX) return UINT32_MAX;
  return at <= now ? 0 : static_cast<uint32_t>(std::min<uint64_t>(at - now, UINT32_MAX - 1));
}

void drop_suspension(slc_exchange& x) {
  if (x.suspended) x.worker->tokens->drop(x);
}

loop::Task<slc_action> resumed(slc_exchange& x) {
  slc_token token = x.suspended;
  if (!token) co_return SLC_FAIL;
  // A wake-up that an earlier, abandoned suspension left behind is not ours.
  while (x.suspended == token) co_await x.resumed.wait();
  co_return x.suspended ? SLC_FAIL : x.resumed_with;
}

slc_status to_status(Errc c) {
  switch (c) {
    case Errc::none: return SLC_OK;
    case Errc::invalid:
    case Errc::encode:
    case Errc::plugin:
    case Errc::internal: return SLC_EINVAL;
    case Errc::not_found: return SLC_ENOTFOUND;
    case Errc::limit: return SLC_ELIMIT;
    case Errc::timeout: return SLC_ETIMEOUT;
    case Errc::cancelled: return SLC_ECANCELED;
    // Nothing has reached a backend: no host, no connection, or a plugin said no.
    case Errc::no_hosts:
    case Errc::resolve:
    case Errc::refused:
    case Errc::tls:
    case Errc::rejected: return SLC_EREFUSED;
    case Errc::reset:
    case Errc::truncated:
    case Errc::protocol: return SLC_EIO;
    case Errc::status:
    case Errc::redirect: return SLC_EBACKEND;
    case Errc::decode: return SLC_EDECODE;
  }
  return SLC_EINVAL;
}

}  // namespace sluice::plugin
