// The scopes around the backends: service, endpoint, proxy.
#pragma once
#include "core/pipeline/exchange.h"

namespace sluice::pipeline {

struct Outcome;

// Bytes in, bytes out: the client's request and the final answer.
class RawScope : public Scope {
 public:
  RawScope(int32_t scope, Exchange&, const Chain&);
  // Makes the scope's result the exchange's answer.
  void leave();
  std::string_view place() const;  // "[ENDPOINT: /x]"

 protected:
  // What the hooks changed in the request becomes the exchange's request, then the inside runs, then its answer is shown.
  void enter_inside();
  void show_answer();
};

// Service level, around the router: every request.
class ServerScope final : public RawScope {
 public:
  ServerScope(Exchange& x, const Chain& chain) : RawScope{SLC_AT_SERVICE, x, chain} {}

 protected:
  loop::Task<void> inner() override;
  Scope* clone() override;
};

// Service level, around what the router found: a route, 404 or 405.
class EngineScope final : public RawScope {
 public:
  EngineScope(Exchange& x, const Chain& chain) : RawScope{SLC_AT_SERVICE, x, chain} {}

 protected:
  loop::Task<void> inner() override;
  Scope* clone() override;
};

class EndpointScope final : public RawScope {
 public:
  EndpointScope(Exchange& x, const Chain& chain) : RawScope{SLC_AT_ENDPOINT, x, chain} {}

 protected:
  loop::Task<void> inner() override;
  Scope* clone() override;
};

// Around the fan-out: the request for all backends, the merged document.
class ProxyScope final : public Scope {
 public:
  ProxyScope(Exchange&, const Chain&, const EndpointPlan&);
  BackendScope* source() const { return source_; }
  // A hook answered with bytes: they are for the client as they stand, there is nothing to encode.
  bool answered() const { return answered_; }
  // What became of the backends, where the block `sluice` is configured; nullptr: it is not, or they were not called.
  const Outcome* outcome() const { return outcome_; }

 protected:
  loop::Task<void> inner() override;
  Scope* clone() override;
  void cancel_inner() override;
  void adopt_reply() override;
  void take_over(Scope& attempt) override;
  void border() override;           // proxy.static (pipeline.md §10)

 private:
  void hand_over();                 // what the hooks changed is what every backend gets
  loop::Task<void> call_backends();
  const EndpointPlan& plan_;
  bool holds_request_body() const override { return !request.body.empty(); }
  BackendScope* source_ = nullptr;
  const Outcome* outcome_ = nullptr;
  bool answered_ = false;
};

}  // namespace sluice::pipeline
