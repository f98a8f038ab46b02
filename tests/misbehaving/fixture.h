/* What every fixture needs: an entry with one binding, and the services it asks for. A fixture defines the hooks and
 * replaces what it gets wrong. */
#ifndef SLC_FIXTURE_H
#define SLC_FIXTURE_H
#include <string.h>

#include "sluice/note.h"
#include "sluice/plugin.h"

#define STR(text) ((slc_str){(text), sizeof(text) - 1})

#define FIXTURE_BINDING(binding_name, scope_bits) \
  static const slc_binding kBindings[] = {        \
      {(binding_name), SLC_IFACE_MIDDLEWARE, (scope_bits), 500, NULL, NULL, 0}};

#define FIXTURE_ENTRY(plugin_id, load_function, interface_function)                                              \
  const slc_entry SLC_ENTRY_SYMBOL = {                                                                           \
      SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, (plugin_id), "1.0.0",      \
      "fixture",     NULL,              kBindings,     sizeof kBindings / sizeof kBindings[0], sizeof(slc_binding), \
      (load_function), NULL,            (interface_function)};

/* The note of a fixture with one binding: the same three values as above. */
#define FIXTURE_NOTE(plugin_id, binding_name, scope_bits) \
  SLC_PLUGIN_NOTE(plugin_id, "1.0.0", "fixture", SLC_BUILD_FLAGS, SLC_NOTE_BINDING(binding_name, SLC_IFACE_MIDDLEWARE, scope_bits))
#endif
