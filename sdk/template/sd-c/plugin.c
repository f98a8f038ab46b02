/* The service discovery "@NAME@": a host may name a range of ports. In the configuration of a backend:
 *
 *   "sd": "@NAME@", "host": ["127.0.0.1:9001-9003"]
 *
 * Everything that crosses the border between gateway and plugin is in sluice/plugin.h, with thread, life time and failure. */
#define SLC_NEEDED_MINOR 0u /* nothing here is later than 1.0 */
#include <sluice/note.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) ((slc_str){(literal), sizeof(literal) - 1})

enum { MOST_PORTS = 1000 }; /* of one range */

/* One entry of "host": a name and ports, or with first == 0 what is taken as it stands. */
typedef struct range {
  slc_str name;
  uint32_t first, last;
} range;

/* Digits only, at most 65535; 0: no port. */
static uint32_t port_of(const char* begin, const char* end) {
  uint32_t port = 0;
  if (begin == end || end - begin > 5) return 0;
  for (; begin < end; ++begin) {
    if (*begin < '0' || *begin > '9') return 0;
    port = port * 10 + (uint32_t)(*begin - '0');
  }
  return port <= 65535 ? port : 0;
}

/* The last c of [begin, end), or NULL. Views have no NUL at their end. */
static const char* last_of(const char* begin, const char* end, char c) {
  while (end > begin)
    if (*--end == c) return end;
  return NULL;
}

static range read_host(slc_str host) {
  const char *begin = host.ptr, *end = host.ptr + host.len;
  for (const char* p = begin; p + 3 <= end; ++p)
    if (memcmp(p, "://", 3) == 0) {
      begin = p + 3;
      break;
    }
  range r = {{begin, (size_t)(end - begin)}, 0, 0};
  const char *colon = last_of(begin, end, ':'), *dash = last_of(begin, end, '-');
  if (!colon || !dash || dash < colon) return r;
  const uint32_t first = port_of(colon + 1, dash), last = port_of(dash + 1, end);
  if (first == 0 || last < first || last - first >= MOST_PORTS) return r;
  return (range){{begin, (size_t)(colon - begin)}, first, last};
}

/* Publishes now, and never again. A discovery that goes on keeps `list` and `publish` in what it hands out by *watch, starts a job
 * of sluice.work/1 or a thread that calls publish, and ends it in unwatch. Requests never wait for a discovery. */
static slc_status watch(void* object, const slc_resolver_query* query, slc_host_list* list,
                        slc_status (*publish)(slc_host_list*, const slc_address*, uint32_t), void** watch_state) {
  (void)object;
  const slc_str scheme = query->scheme.len ? query->scheme : TEXT("http");
  size_t count = 0, size = 0;
  for (uint32_t i = 0; i < query->host_count; ++i) {
    const range r = read_host(query->hosts[i]);
    const size_t ports = r.first ? r.last - r.first + 1 : 1;
    count += ports;
    size += ports * (scheme.len + r.name.len + sizeof "://:65535");
  }
  slc_address* addresses = calloc(count + 1, sizeof *addresses);
  char* text = malloc(size + 1);
  slc_status status = addresses && text ? SLC_OK : SLC_ENOMEM;
  uint32_t n = 0;
  char* end = text;
  for (uint32_t i = 0; status == SLC_OK && i < query->host_count; ++i) {
    const range r = read_host(query->hosts[i]);
    for (uint32_t port = r.first; port <= r.last; ++port) {
      addresses[n].url.ptr = end;
      end += sprintf(end, "%.*s://%.*s", (int)scheme.len, scheme.ptr, (int)r.name.len, r.name.ptr);
      if (r.first) end += sprintf(end, ":%u", port);
      addresses[n].url.len = (size_t)(end - addresses[n].url.ptr);
      addresses[n++].weight = 1;
    }
  }
  if (status == SLC_OK) status = publish(list, addresses, n); /* copies */
  free(text);
  free(addresses);
  *watch_state = NULL;
  return status;
}

static void unwatch(void* object, void* watch_state) { /* nothing goes on that would have to end */
  (void)object;
  (void)watch_state;
}

static const slc_resolver resolver = {.size = sizeof resolver, .watch = watch, .unwatch = unwatch};

static const void* get_interface(const char* id, const char* name) {
  (void)name;
  return strcmp(id, SLC_IFACE_RESOLVER) == 0 ? &resolver : NULL;
}

static const slc_binding bindings[] = {{.name = "@NAME@", .interface_id = SLC_IFACE_RESOLVER}};

const slc_entry SLC_ENTRY_SYMBOL = {
    .magic = SLC_ABI_MAGIC,
    .size = sizeof(slc_entry),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_NEEDED_MINOR,
    .flags = SLC_BUILD_FLAGS,
    .id = "@VENDOR@.@NAME@",
    .version = "0.1.0",
    .built_with = "C " __VERSION__,
    .bindings = bindings,
    .binding_count = sizeof bindings / sizeof bindings[0],
    .binding_size = sizeof(slc_binding),
    .get_interface = get_interface,
};

/* The same, readable without loading the file: for `sluice plugins` and plugins.lock. */
SLC_PLUGIN_NOTE("@VENDOR@.@NAME@", "0.1.0", "C " __VERSION__, SLC_BUILD_FLAGS, SLC_NOTE_BINDING("@NAME@", SLC_IFACE_RESOLVER, 0))
