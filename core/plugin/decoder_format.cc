#include "core/plugin/decoder_format.h"

#include "core/document/builder.h"
#include "core/plugin/exchange.h"
#include "core/plugin/registry.h"
#include "core/plugin/worker.h"

namespace sluice::plugin {

void DecoderFormat::serve(const slc_decoder& table, const Object& object) {
  table_ = &table, object_ = &object;
  name = view(table.format);
  expand = &expand_with;
}

bool DecoderFormat::expand_with(const document::Format* f, std::string_view text, document::Builder& into) noexcept {
  const auto& self = *static_cast<const DecoderFormat*>(f);
  if (!self.table_->expand) return false;
  // slc_builder begins with the Builder that the document hands over.
  slc_builder builder{into.arena(), f};
  document::Node node;
  {
    PlaceScope place{&self.object_->place(), HookKind::expand, &into.arena()};
    if (self.table_->expand(str(text), &builder) != SLC_OK) return false;
  }
  return builder.build.finish(&node) && into.copy(node);
}

}  // namespace sluice::plugin
