#pragma once
#include <string>

namespace sluice::http {

// What is wrong with settings of TLS, and where: a JSON pointer of the configuration, or one below the block that was read ("ca_certs/0").
struct TlsProblem {
  std::string place, text;
  bool fatal = true;
};

}  // namespace sluice::http
