// `sluice run` as a process of its own, with a configuration on a free port: what the cases of a plugin are played against.
#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

#include "core/base/result.h"

namespace sluice::app::check {

class Server {
 public:
  // Starts it and waits until it listens. `config`: JSON text; its port, also where hosts name it, is replaced by a free one.
  // `plugin` is loaded beside the plugins of `plugins` ("": the default folder).
  static Result<std::unique_ptr<Server>, Problem> start(std::string config, const std::string& plugin, const std::string& plugins);
  ~Server();  // ends it
  Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  uint16_t port() const { return port_; }
  std::string log() const;  // everything it said
  // Ends it politely. Empty: it left with 0; else how it ended.
  std::string stop();

 private:
  std::string folder_;
  uint16_t port_ = 0;
  pid_t pid_ = -1;
  int pidfd_ = -1, output_ = -1;
};

}  // namespace sluice::app::check
