// sluice/plugin.hpp -- writing plugins in C++20. Header only, on top of the C ABI in plugin.h; nothing of C++ crosses the
// border, so plugin and gateway may be built with different compilers, standard libraries and language versions.
//
// A plugin is a class. Its constructor takes a Setup, reads and checks one configuration block and keeps what it compiled
// from it; the object is shared by all workers and must not change. Its hooks run on a worker thread and must not block.
//
//   class ApiKey {
//    public:
//     static constexpr auto name = "example/api-key";                 // the extra_config namespace
//     static constexpr auto scopes = sluice::scope::endpoint;         // where it may stand
//     static constexpr auto stage = 250;                              // place in the chain, low is outermost
//     static constexpr auto schema = R"({"type":"object"})";          // optional: JSON Schema of the block
//     static constexpr const char* aliases[] = {"old/name"};          // optional
//     explicit ApiKey(sluice::Setup&);
//     sluice::Action on_request(sluice::Exchange) const;              // each hook is optional
//   };
//   SLC_MIDDLEWARE_PLUGIN("example.api-key", "1.0.0", ApiKey)
//
// Further members the wrapper looks for:
//   struct PerWorker      state of one worker, made from (const Class&, const sluice::Worker&) or by default; hooks that
//                         take a PerWorker& as last argument get it. No lock needed.
//   synchronous = true    the hooks neither wait nor keep objects with destructors: no on_done is installed for the
//                         wrapper's own sake, and raw_slot() is the class's to use. make_state, after, fetch are off limits.
//   flags                 SLC_BIND_DEFAULT
//   on_request_chunk, on_response_chunk (Exchange, Chunk)   bodies as they pass, see Chunk in detail/exchange_parts.hpp
//   on_request_chunk, on_room   of a transport: bodies in pieces both ways, see Transport in detail/kinds.hpp
//   export_state, import_state                              what a reload hands over, see HandsOver in detail/life.hpp
// The interface kinds other than middleware are described at their templates in detail/kinds.hpp.
//
// Exceptions stop at the border: a throwing hook fails its exchange, a throwing constructor refuses the configuration, and
// both leave a log line.
#ifndef SLUICE_PLUGIN_HPP
#define SLUICE_PLUGIN_HPP
#include "sluice/detail/base.hpp"
#include "sluice/detail/bindings.hpp"
#include "sluice/detail/exchange.hpp"
#include "sluice/detail/exchange_parts.hpp"
#include "sluice/detail/kinds.hpp"
#include "sluice/detail/life.hpp"
#include "sluice/detail/note.hpp"
#include "sluice/detail/setup.hpp"
#include "sluice/detail/shared_work.hpp"
#include "sluice/detail/value.hpp"
#endif
