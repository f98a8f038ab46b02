// The request as the router's conditions see it. A local of the routing step; nothing is done before a condition asks.
#pragma once
#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/http/message.h"
#include "core/router/condition.h"

namespace sluice::pipeline {

class RequestFacts final : public router::Facts {
 public:
  RequestFacts(const http::Headers& headers, std::string_view authority, Arena& arena)
      : headers_{headers}, authority_{authority}, arena_{arena} {}

  std::string_view host() const override {
    if (!known_) {
      known_ = true;
      host_ = authority_.empty() ? authority_ : router::host_name(authority_, static_cast<char*>(arena_.alloc(authority_.size(), 1)));
    }
    return host_;
  }
  // Each line of a header that comes several times counts.
  bool has(std::string_view name, std::string_view pattern) const override {
    for (const http::Header& h : headers_)
      if (iequals(h.name, name) && router::value_fits(pattern, h.value)) return true;
    return false;
  }

 private:
  const http::Headers& headers_;
  std::string_view authority_;
  Arena& arena_;
  mutable std::string_view host_;
  mutable bool known_ = false;
};

}  // namespace sluice::pipeline
