// "sd": "file": takes a backend's hosts from a file, and takes them anew whenever the file changes.
//
//   { "sd": "file", "host": ["/etc/sluice/orders.hosts"], "disable_host_sanitize": true, "url_pattern": "/orders" }
//
// What to look at: requests never wait for a discovery. It publishes lists, from a thread of its own, and the workers use the
// last one published; calls that are under way keep the host they have. A file that is gone, empty or broken changes nothing.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include <sluice/plugin.hpp>

#include "host_list.h"

namespace {

using sluice::Level;

// A file descriptor that is closed with its owner.
class Fd {
 public:
  explicit Fd(int fd) : fd_{fd} {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// File systems that are not of this machine tell nobody about changes, so the file is also read once in a while.
constexpr int kReadAnywayMs = 30'000;

class FileDiscovery {
 public:
  static constexpr auto name = "file";

  explicit FileDiscovery(sluice::Setup& setup) : log_{setup.logger()} {}

  // Lives as long as somebody uses the list. Its destructor ends the thread, and nothing is published after that: the gateway
  // relies on it.
  class Watch {
   public:
    Watch(std::string path, sluice::Publisher publisher, sluice::Logger log)
        : path_{std::move(path)},
          publisher_{publisher},
          log_{log},
          changes_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)},
          end_{::eventfd(0, EFD_CLOEXEC)} {
      // The folder, not the file: editors and deployments put a new file in the old one's place, and a watch on a file would
      // stay with the old one.
      const size_t slash = path_.rfind('/');
      const std::string folder = slash == path_.npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
      ::inotify_add_watch(changes_.get(), folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE);
      good_ = read();
    }
    ~Watch() {
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof one);
      if (thread_.joinable()) thread_.join();
    }
    bool good() const { return good_; }
    void start() {
      thread_ = std::thread{[this] { run(); }};
    }

   private:
    void run() {
      pollfd both[] = {{end_.get(), POLLIN, 0}, {changes_.get(), POLLIN, 0}};
      for (;;) {
        const int ready = ::poll(both, 2, kReadAnywayMs);
        if (both[0].revents != 0) return;
        char ignored[4096];  // what happened does not matter: the file is read, and its content compared
        while (ready > 0 && ::read(changes_.get(), ignored, sizeof ignored) > 0) {
        }
        read();
      }
    }

    // Publishes the file's list if it is good and differs from the last one.
    bool read() {
      std::ifstream file{path_, std::ios::binary};
      std::string text(example::kLongestFile + 1, '\0');
      file.read(text.data(), static_cast<std::streamsize>(text.size()));
      text.resize(static_cast<size_t>(file.gcount()));
      std::vector<example::HostLine> list;
      std::string why;
      if (!file.is_open()) why = "cannot be opened";
      else if (text.size() > example::kLongestFile) why = "is longer than 1 MiB";
      else if (text_ == text) return true;
      else example::parse_host_list(text, list, why);
      if (!why.empty()) {
        // Said once, not every thirty seconds.
        if (why != told_) log_(Level::error, "sd \"file\": ", path_, ": ", why, published_ > 0 ? "; the last good list stays in use" : "");
        told_ = why;
        text_.reset();  // the old content coming back is news
        return false;
      }
      told_.clear();
      text_ = std::move(text);
      std::vector<slc_address> addresses;
      for (const auto& host : list) addresses.push_back(sluice::address(host.url, host.weight));
      publisher_.publish(addresses);  // copies what it is given
      log_(Level::info, "sd \"file\": ", path_, ": ", list.size(), " hosts, list ", ++published_);
      return true;
    }

    std::string path_;
    sluice::Publisher publisher_;
    sluice::Logger log_;
    Fd changes_, end_;
    std::optional<std::string> text_;  // of the list in use
    std::string told_;
    uint64_t published_ = 0;
    bool good_ = false;
    std::thread thread_;  // last: it uses everything above
  };

  // [load] nullptr refuses the configuration.
  std::unique_ptr<Watch> watch(const slc_resolver_query& query, sluice::Publisher publisher) const {
    if (query.host_count != 1) {
      log_(Level::error, "sd \"file\": expected one file in \"host\", found ", query.host_count, " entries");
      return nullptr;
    }
    auto w = std::make_unique<Watch>(std::string{sluice::view(query.hosts[0])}, publisher, log_);
    // The first list is published before the gateway answers its first request, or the gateway does not start.
    if (!w->good()) return nullptr;
    w->start();
    return w;
  }

 private:
  sluice::Logger log_;
};

}  // namespace

SLC_PLUGIN_WITH("example.file-discovery", "1.0.0", SLC_STARTS_THREADS, FileDiscovery)
