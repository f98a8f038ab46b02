// sd "test-directory": publishes the configured hosts, and then whatever arrives on the datagram socket $TEST_DIRECTORY: a list
// of URLs, each optionally followed by *weight. A thread of its own reads there, as a client of a real directory would. With
// $TEST_DIRECTORY_LATE it publishes nothing before something arrived.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include <sluice/plugin.hpp>

namespace {

class Directory {
 public:
  static constexpr auto name = "test-directory";

  explicit Directory(sluice::Setup& setup) : services_{setup.services()} {}

  struct Watch {
    int socket = -1;
    std::thread thread;
    ~Watch() {
      ::shutdown(socket, SHUT_RDWR);  // the reader's recv() answers 0
      if (thread.joinable()) thread.join();
      ::close(socket);
    }
  };

  std::unique_ptr<Watch> watch(const slc_resolver_query& query, sluice::Publisher publisher) const {
    std::vector<slc_address> list;
    for (uint32_t i = 0; i < query.host_count; ++i) list.push_back(sluice::address(sluice::view(query.hosts[i])));
    if (!std::getenv("TEST_DIRECTORY_LATE")) publisher.publish(list);
    const char* path = std::getenv("TEST_DIRECTORY");
    if (!path) return nullptr;  // refuses the configuration
    auto w = std::make_unique<Watch>();
    w->socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    ::unlink(path);  // of the watch before it, which a reload will end
    if (::bind(w->socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return nullptr;
    w->thread = std::thread{[this, publisher, fd = w->socket] { read(fd, publisher); }};
    return w;
  }

 private:
  void read(int fd, sluice::Publisher publisher) const {
    char text[2048];
    for (ssize_t n; (n = ::recv(fd, text, sizeof text, 0)) > 0;) {
      std::vector<slc_address> list;
      std::string_view rest{text, static_cast<size_t>(n)};
      while (!rest.empty()) {
        const size_t end = std::min(rest.find(' '), rest.size());
        std::string_view word = rest.substr(0, end);
        rest.remove_prefix(end < rest.size() ? end + 1 : end);
        uint32_t weight = 1;
        if (const size_t star = word.find('*'); star != word.npos) {
          weight = static_cast<uint32_t>(std::atoi(std::string{word.substr(star + 1)}.c_str()));
          word = word.substr(0, star);
        }
        if (word != "-") list.push_back(sluice::address(word, weight));  // "-": an empty list
      }
      publisher.publish(list);
      sluice::detail::write_log(services_, nullptr, sluice::Level::info, "published ", list.size());
    }
  }
  sluice::detail::Services services_;
};

}  // namespace

SLC_PLUGIN_WITH("test.directory", "1.0.0", SLC_STARTS_THREADS, Directory)
