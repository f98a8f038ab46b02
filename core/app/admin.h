// The gateway's own door: HTTP/1.1 over a socket in the file system that only this user may open. It has a thread and a loop of
// its own, so that it answers while workers are busy or blocked, and it shares nothing with the traffic.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "core/http/server.h"
#include "core/loop/loop.h"

namespace sluice::app {

class Admin final : public http::Handler {
 public:
  struct Request {
    std::string method, path, query;
  };
  struct Reply {
    int status = 200;
    std::string body;  // JSON, unless content_type says otherwise
    std::string content_type = "application/json";
  };
  // Gives the answer now or later, from any thread, once; what is never answered is cut off when the admin ends.
  using Answer = std::function<void(Reply)>;
  // [admin thread] May block: only other calls of this door wait.
  using Handler = std::function<void(const Request&, Answer)>;
  using Section = std::function<std::string()>;

  Admin();
  ~Admin();  // ends the thread; no handler runs afterwards

  // Before start(). `method` is upper case.
  void add(std::string method, std::string path, Handler handler);
  // One more member of the answer to GET /status: `value` gives its JSON. [admin thread]
  void add_section(std::string name, Section value);
  std::string sections() const;  // `"name": value, …`; asks every section. [admin thread]

  // Opens the socket. Problem: somebody else listens there, or it cannot be made.
  Result<bool, Problem> open(const std::string& path);
  void start();  // serves from now on
  const std::string& path() const { return path_; }

  void on_request(http::Stream&) noexcept override;

 private:
  class Call;
  void end();
  struct Route {
    std::string method, path;
    Handler handler;
  };
  std::vector<Route> routes_;
  std::vector<std::pair<std::string, Section>> sections_;
  std::string path_;
  loop::Loop loop_;
  http::Server server_;
  std::thread thread_;
  uint64_t last_ = 0;
  std::map<uint64_t, Call*> calls_;  // that wait for their answer; [admin thread]
  // What an Answer holds: it may be called when the admin is gone.
  struct Link {
    std::mutex mutex;
    Admin* admin = nullptr;
  };
  std::shared_ptr<Link> link_;
};

// Where the socket is when nobody says: $RUNTIME_DIRECTORY/admin.sock (set by systemd), else $XDG_RUNTIME_DIR/sluice-<pid>.sock,
// else /tmp/sluice-<uid>/<pid>.sock in a folder that only this user may enter, which is made. Problem: it cannot be.
Result<std::string, Problem> default_admin_path(int pid);
// Sockets that may be those of gateways of this user, with their pid where the name tells it (else 0).
struct AdminSocket {
  std::string path;
  int pid = 0;
};
std::vector<AdminSocket> admin_sockets();

}  // namespace sluice::app
