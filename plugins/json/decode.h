// Backend bodies → documents (encodings.md §2 and §3).
#pragma once
#include <string_view>

#include "host.h"
#include "walk.h"

namespace sluice::json {

// What a worker keeps between bodies: memory only. One thread.
struct Workspace {
  Index index;
  Members members;
};

enum class Accept {
  object,      // json: an object or null
  collection,  // json with is_collection: an array or null, put under "collection"
  anything,    // safejson: arrays under "collection", scalars under "content"
};

// `workspace` null: the scanner alone does it, same results. On failure *why tells a person.
slc_status decode(Workspace* workspace, const slc_str* chunks, uint32_t count, Accept, slc_builder*, slc_str* why);

// slc_decoder.expand: one level of text that decode() handed over.
slc_status expand(slc_str text, slc_builder*) noexcept;

}  // namespace sluice::json
