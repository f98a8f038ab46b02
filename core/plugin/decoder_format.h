// The format of what a decoder puts off: the decoder expands it when somebody reads it, on the account of its place.
#pragma once
#include "core/document/node.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

class Object;

// Documents refer to it, so it lives as long as they do. What it serves with outlives it.
class DecoderFormat : public document::Format {
 public:
  // Once, before anything is decoded.
  void serve(const slc_decoder&, const Object&);

 private:
  static bool expand_with(const document::Format*, std::string_view text, document::Builder& into) noexcept;
  const slc_decoder* table_ = nullptr;
  const Object* object_ = nullptr;
};

}  // namespace sluice::plugin
