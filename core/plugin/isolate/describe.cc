#include "core/plugin/isolate/describe.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <list>

#include "core/base/text.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/isolate/process.h"
#include "core/plugin/isolate/wire.h"
#include "core/plugin/module.h"
#include "core/plugin/shared.h"

namespace sluice::plugin::isolate {
namespace {

// What the first byte of a frame says. In this order, and the last two are the end.
enum class Word : uint8_t { loading = 1, asking = 2, refused = 3, described = 4 };

uint64_t now_ms() { return shared::now_ns() / 1'000'000; }

const char* name_of(Telling::Phase p) { return p == Telling::Phase::asking ? "get_interface" : "its static constructors"; }

struct Child {
  const DescribeRequest* request;
  Described* answer;
  pid_t pid = -1;
  Fd pidfd, socket;
  Telling telling;
  uint64_t due = 0;

  Child(const DescribeRequest& r, Described& a) : request{&r}, answer{&a}, telling{r.file} {}
  // False: it could not be started, and the answer says so.
  bool start() {
    Fd theirs;
    int error = Fd::pair(&socket, &theirs) ? 0 : errno;
    if (!error)
      error = start_process({"isolate-helper", std::to_string(getpid()), "describe", request->file, request->copy,
                             std::to_string(request->memory_mb), crash::folder()},
                            theirs.get(), &pid, request->program);
    if (error) {
      *answer = Problem{request->title + ": cannot be isolated: the process that describes it cannot be started: " + std::strerror(error)};
      return false;
    }
    pidfd = Fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
    due = now_ms() + request->limit_ms;
    return true;
  }
  void read() {
    char bytes[16 * 1024];
    while (socket && !telling.over()) {
      ssize_t n = recv(socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (n <= 0)
        socket = {};  // its end is still to come
      else
        telling.add({bytes, static_cast<size_t>(n)});
    }
  }
  void kill() {
    ::kill(pid, SIGKILL);
    int ignored;
    while (waitpid(pid, &ignored, 0) < 0 && errno == EINTR) {}
  }
  // What has come by now. True: it is over, the process is gone and the answer is there.
  bool turn() {
    read();
    int status = 0;
    if (!telling.over() && waitpid(pid, &status, WNOHANG) == pid) {
      read();  // its last words
      *answer = telling.over() ? telling.answer() : Described{Problem{request->title + ": cannot be isolated: " + death(status)}};
      return true;
    }
    if (telling.over()) {
      kill();
      *answer = telling.answer();
      if (!*answer && answer->error().message.empty())
        *answer = Problem{request->title + ": cannot be isolated: the process that describes it sent no valid message"};
      return true;
    }
    if (now_ms() < due) return false;
    kill();
    const std::string what = telling.phase() == Telling::Phase::starting ? std::string{"the process that describes it gave no sign"}
                                                                         : std::string{name_of(telling.phase())} + " did not return";
    *answer = Problem{request->title + ": cannot be isolated: " + what + " within " + limit_text(request->limit_ms) + ", and the process was killed"};
    return true;
  }
  std::string death(int status) const {
    const bool crashed = WIFSIGNALED(status);
    if (telling.phase() == Telling::Phase::starting) return "the process that describes it ended: " + end_text(status);
    return (crashed ? "it crashed in " : "it ended its process in ") + std::string{name_of(telling.phase())} + ": " +
           (crashed ? end_text(status) : "exit code " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  }
};

}  // namespace

std::vector<Described> describe_all(const std::vector<DescribeRequest>& requests) {
  std::vector<Described> answers(requests.size(), Described{Problem{}});
  std::list<Child> running;
  std::vector<pollfd> polled;
  for (size_t next = 0; next < requests.size() || !running.empty();) {
    while (next < requests.size() && running.size() < kDescribeAtOnce) {
      if (!running.emplace_back(requests[next], answers[next]).start()) running.pop_back();
      ++next;
    }
    polled.clear();
    const uint64_t now = now_ms();
    uint64_t wake = now + kDescribeLimitMs;
    for (const Child& c : running) {
      if (c.socket) polled.push_back({c.socket.get(), POLLIN, 0});
      if (c.pidfd) polled.push_back({c.pidfd.get(), POLLIN, 0});
      // Without a descriptor for the process (a kernel older than 5.3) its end is noticed by looking.
      wake = std::min(wake, c.pidfd ? c.due : now + 20);
    }
    if (!running.empty()) poll(polled.data(), polled.size(), static_cast<int>(wake > now ? wake - now : 0));
    running.remove_if([](Child& c) { return c.turn(); });
  }
  return answers;
}

// ---- what it says ----

void Telling::nonsense() {
  over_ = true;
  answer_ = Problem{};
}

void Telling::add(std::string_view bytes) {
  if (over_) return;
  size_ += bytes.size();
  // A frame and a word or two before it.
  if (size_ > kMostDescription + 64) return nonsense();
  input_.add(bytes);
  for (std::string_view frame; !over_ && input_.next(&frame);) take(frame);
  if (!over_ && input_.broken()) nonsense();
}

void Telling::take(std::string_view frame) {
  Reader r{frame};
  const auto word = static_cast<Word>(r.u8());
  const std::string_view rest = frame.substr(1);
  if (word == Word::loading && phase_ == Phase::starting && rest.empty()) {
    phase_ = Phase::loading;
  } else if (word == Word::asking && phase_ == Phase::loading && rest.empty()) {
    phase_ = Phase::asking;
  } else if (word == Word::refused && phase_ != Phase::starting && !rest.empty()) {
    constexpr size_t kLongest = 8192;
    std::string text{rest.substr(0, kLongest)};
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    if (!text.starts_with(file_)) text.insert(0, file_ + ": ");
    over_ = true;
    answer_ = Problem{std::move(text)};
  } else if (word == Word::described && phase_ == Phase::asking) {
    auto description = Description::parse(rest);
    if (!description) return nonsense();
    over_ = true;
    answer_ = std::move(description);
  } else {
    nonsense();
  }
}

// ---- over there ----

namespace {

// The process has no other business: what cannot be said ends it.
void say(Word word, std::string_view text = {}) {
  std::string frame;
  Writer w{frame};
  w.u32(static_cast<uint32_t>(1 + text.size()));
  w.u8(static_cast<uint8_t>(word));
  frame += text;
  for (std::string_view rest = frame; !rest.empty();) {
    ssize_t n = send(kChildControl, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(70);
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

void describe_main(char** values) {
  const std::string file = values[4], copy = values[5], folder = values[7];
  let_signals_in();
  const std::string note = "It was the process that describes the isolated plugin " + file + " to gateway process " + values[2] + ", which goes on.";
  if (auto ok = crash::install({folder, note}); !ok)
    std::fprintf(stderr, "%s\n", ok.error().message.c_str());
  limit_memory(parse_decimal<uint32_t>(values[6]).value_or(0));
  say(Word::loading);
  auto entry = map_for_good(copy, file);
  if (entry) {
    say(Word::asking);
    auto module = Module::adopt(*entry, file);
    const std::string description = module ? describe(**module) : std::string{};
    if (!module)
      say(Word::refused, module.error().message);
    else if (description.size() > kMostDescription)
      say(Word::refused, (*module)->title() + " cannot be isolated: its description has more than " +
                             std::to_string(kMostDescription >> 20) + " MiB.");
    else
      say(Word::described, description);
  } else {
    say(Word::refused, entry.error().message);
  }
  _exit(0);  // destructors of the plugin's statics are no part of its description
}

}  // namespace sluice::plugin::isolate
