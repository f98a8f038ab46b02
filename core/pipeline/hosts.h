// The hosts of one backend: published by a resolver plugin from any thread, read by workers without a lock.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/http/client.h"
#include "sluice/plugin.h"

namespace sluice::pipeline {

struct Host {
  std::string url;       // as published
  http::Origin origin;
  std::string prefix;    // path in front of every request's path ("/base"), with disable_host_sanitize
  std::string problem;   // not empty: the text is no usable URL, calls to it fail
  uint32_t weight = 1;
};

// An immutable list.
struct HostList {
  std::vector<Host> hosts;
};

// One worker's copy: the list it uses now, and how many of its calls are in flight to each host. Reference-counted by
// the calls of that worker only, so no atomic is touched.
struct WorkerHosts {
  std::shared_ptr<const HostList> list;
  std::vector<slc_candidate> candidates;
  uint32_t calls = 0;
  bool replaced = false;  // a newer one is current: the last call frees it
};

}  // namespace sluice::pipeline

// What a resolver publishes to.
struct slc_host_list {
 public:
  slc_host_list(std::shared_ptr<sluice::http::TlsClientContext> tls, sluice::http::Http2Mode http2) : tls_{std::move(tls)}, http2_{http2} {}
  // [any] n == 0 keeps the last list.
  slc_status publish(const slc_address*, uint32_t n);
  // [any] Was there ever a list?
  bool published() const { return version() > 1; }
  // The list of another generation for the same hosts, unless something was published meanwhile.
  void take_over(const slc_host_list& from);
  // [any] Rises with every publication; one plain load.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // [any] Takes a lock: only after the version changed.
  std::shared_ptr<const sluice::pipeline::HostList> current() const;

 private:
  std::shared_ptr<sluice::http::TlsClientContext> tls_;
  sluice::http::Http2Mode http2_;
  mutable std::mutex mutex_;
  std::shared_ptr<const sluice::pipeline::HostList> list_ = std::make_shared<sluice::pipeline::HostList>();
  std::atomic<uint64_t> version_{1};
};
