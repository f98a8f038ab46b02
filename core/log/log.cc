// Why not spdlog's own asynchronous logger: its queue costs every line a shared lock and a futex wake, and the access
// log writes a line per request on every worker. Here each thread has its own queue, whose lock nobody else wants except
// the logging thread for the moment of a swap, and one wake serves everything of the next few milliseconds. spdlog formats.
#include "core/log/log.h"

#include <limits.h>
#include <spdlog/details/os.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/fd.h"
#include "core/log/format.h"
#include "core/log/queue.h"

namespace sluice::log {
namespace {

constexpr std::chrono::milliseconds kBatch{5};  // how long a line may wait for company
constexpr size_t kMostText = 32 * 1024;         // of a message; longer ones are cut
constexpr size_t kMostTarget = 8 * 1024, kMostError = 8 * 1024, kMostName = 64;
constexpr size_t kWriteAt = 64 * 1024;          // bytes gathered before a write
constexpr size_t kMostHeld = 64 * 1024;         // lines that wait for a configuration
constexpr std::chrono::seconds kLongestHold{5};
constexpr int kLookMs = 50, kPatienceMs = 500;  // with an output that takes nothing, once the process is about to end

// A record in a queue: this head, then text (message) or client_ip, method, target, error (access).
struct Head {
  int64_t unix_ns;
  uint64_t latency_ns;
  uint32_t error_size;
  uint16_t target_size, status;
  uint8_t ip_size, method_size, is_access;
  Level level;
};

// The queue of one thread and its twin: the logging thread takes one while the other fills.
struct Lane {
  explicit Lane(size_t lines) : filling{lines}, spare{lines} {}
  std::mutex guard;
  Queue filling, spare;  // spare belongs to the logging thread
  std::atomic<bool> abandoned{false};
};

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Formatter::Style style_for(Format format, int fd) {
  if (format == Format::json) return Formatter::Style::json;
  if (format == Format::text) return Formatter::Style::plain;
  const char* no_colour = std::getenv("NO_COLOR");
  bool terminal = ::isatty(fd) && spdlog::details::os::is_color_terminal() && (!no_colour || !*no_colour);
  return terminal ? Formatter::Style::colour : Formatter::Style::plain;
}

class Logger {
 public:
  std::atomic<uint8_t> level{static_cast<uint8_t>(Level::debug)};
  std::atomic<bool> access{true};
  std::atomic<uint64_t> dropped{0};
  std::atomic<bool> ending{false};

  void start(const Options& o) {
    stop();
    {
      std::lock_guard lock{output_};
      fd_ = o.output;
      struct stat file;
      always_takes_ = ::fstat(fd_, &file) == 0 && S_ISREG(file.st_mode);
      formatter_.emplace(style_for(o.format, o.output));
      holding_ = o.hold;
    }
    level = own_level_ = static_cast<uint8_t>(o.level);
    dropped = 0, reported_ = 0;
    ending = false;
    lines_ = o.queue;
    stopping_ = false;
    ++epoch_;  // threads of an earlier run take a new lane
    running_ = true;
    thread_ = std::thread{[this] { run(); }};
  }

  void stop() {
    if (!thread_.joinable()) return;
    running_ = false;  // from here on callers write themselves
    {
      std::lock_guard lock{wake_};
      stopping_ = true;
    }
    wakeup_.notify_one();
    thread_.join();
    release();
    std::lock_guard lock{lanes_guard_};
    lanes_.clear();
  }

  // What was held goes where lines go now.
  void release() {
    std::lock_guard lock{output_};
    if (!holding_.exchange(false)) return;
    for (const std::string& record : held_) emit(record);
    held_ = {};
    flush();
  }

  void configure(Level l, Sink sink) {
    drain();  // what was said under the former configuration goes where that one wanted it
    {
      std::lock_guard lock{output_};
      sink_ = sink;
      level = static_cast<uint8_t>(l);
    }
    release();
  }

  void restore() { configure(static_cast<Level>(own_level_.load()), {}); }

  void post(const Head& head, std::initializer_list<std::string_view> parts);

 private:
  Lane& lane();
  void run();
  bool drain();
  void emit(std::string_view record);
  void emit_message(Level, int64_t unix_ns, std::string_view text);
  void flush();
  void write_all(std::string_view text);
  bool output_takes();
  void report_dropped();

  std::mutex output_;  // formatter, text, sink: the logging thread, and callers while there is none
  std::optional<Formatter> formatter_;
  std::string text_;
  Sink sink_;
  std::atomic<uint8_t> own_level_{static_cast<uint8_t>(Level::debug)};  // what start() was given
  int fd_ = 1;                                                          // -1: given up
  bool always_takes_ = false;
  bool sink_used_ = false;
  std::string printable_;
  uint64_t reported_ = 0;
  std::atomic<bool> holding_{false};  // changes under output_
  std::vector<std::string> held_;

  std::mutex draining_;  // one drain at a time; before all other locks
  std::mutex lanes_guard_;
  std::vector<std::shared_ptr<Lane>> lanes_;
  std::vector<std::shared_ptr<Lane>> taken_;  // of the current drain
  std::string record_;
  std::atomic<size_t> lines_{8192};
  std::atomic<uint64_t> epoch_{0};

  std::atomic<bool> running_{false}, sleeping_{false};
  std::mutex wake_;
  std::condition_variable wakeup_;
  bool stopping_ = false;
  std::thread thread_;
};

// Never destroyed: threads may log until the very end of the process.
Logger& logger() {
  static Logger* l = new Logger;
  return *l;
}

// The thread's own lane. Thread exit leaves what is queued to the logging thread.
struct LaneHolder {
  std::shared_ptr<Lane> lane;
  uint64_t epoch = 0;
  ~LaneHolder() {
    if (lane) lane->abandoned = true;
  }
};
thread_local LaneHolder own_lane;

Lane& Logger::lane() {
  uint64_t epoch = epoch_.load(std::memory_order_relaxed);
  if (!own_lane.lane || own_lane.epoch != epoch) [[unlikely]] {
    own_lane.lane = std::make_shared<Lane>(lines_.load());
    own_lane.epoch = epoch;
    std::lock_guard lock{lanes_guard_};
    lanes_.push_back(own_lane.lane);
  }
  return *own_lane.lane;
}

void Logger::post(const Head& head, std::initializer_list<std::string_view> parts) {
  std::string_view head_bytes{reinterpret_cast<const char*>(&head), sizeof head};
  std::string_view p[4] = {};
  std::copy(parts.begin(), parts.end(), p);
  if (!running_.load(std::memory_order_relaxed)) [[unlikely]] {
    std::string record{head_bytes};
    for (auto part : parts) record += part;
    std::lock_guard lock{output_};
    if (!formatter_) formatter_.emplace(style_for(Format::automatic, fd_));
    emit(record);
    flush();
    return;
  }
  Lane& l = lane();
  {
    std::lock_guard lock{l.guard};
    if (size_t gone = l.filling.push({head_bytes, p[0], p[1], p[2], p[3]})) [[unlikely]]
      dropped.fetch_add(gone, std::memory_order_relaxed);
  }
  // The lane's lock orders this with run(): either it saw the record or we see that it sleeps.
  if (sleeping_.load(std::memory_order_relaxed) && sleeping_.exchange(false)) {
    std::lock_guard lock{wake_};
    wakeup_.notify_one();
  }
}

void Logger::run() {
  const auto let_out = std::chrono::steady_clock::now() + kLongestHold;
  for (;;) {
    if (holding_ && std::chrono::steady_clock::now() >= let_out) release();
    bool any = drain();
    std::unique_lock lock{wake_};
    if (stopping_) {
      lock.unlock();
      while (drain()) {
      }
      return;
    }
    if (any) {
      wakeup_.wait_for(lock, kBatch, [this] { return stopping_; });
      continue;
    }
    lock.unlock();
    sleeping_ = true;
    if (drain()) {
      sleeping_ = false;
      continue;
    }
    lock.lock();
    auto called = [this] { return stopping_ || !sleeping_; };
    if (holding_) wakeup_.wait_until(lock, let_out, called);
    else wakeup_.wait(lock, called);
    // The first line of a burst wakes us; give the rest of it the time to arrive.
    if (!stopping_) wakeup_.wait_for(lock, kBatch, [this] { return stopping_; });
    sleeping_ = false;
  }
}

// Writes everything that waits, in order of time. False: there was nothing.
bool Logger::drain() {
  std::lock_guard alone{draining_};
  {
    std::lock_guard lock{lanes_guard_};
    std::erase_if(lanes_, [](const std::shared_ptr<Lane>& l) {
      if (!l->abandoned) return false;
      std::lock_guard inner{l->guard};
      return l->filling.empty();
    });
    taken_ = lanes_;
  }
  bool any = false;
  for (auto& l : taken_) {
    std::lock_guard lock{l->guard};
    if (l->filling.empty()) continue;
    std::swap(l->filling, l->spare);
    any = true;
  }
  if (!any) return taken_.clear(), false;
  std::lock_guard lock{output_};
  for (;;) {
    Lane* first = nullptr;
    int64_t earliest = 0, t = 0;
    for (auto& l : taken_)
      if (l->spare.peek(&t, sizeof t) && (!first || t < earliest)) first = l.get(), earliest = t;
    if (!first) break;
    first->spare.pop(record_);
    emit(record_);
    if (text_.size() >= kWriteAt) flush();
  }
  report_dropped();
  flush();
  taken_.clear();
  return true;
}

void Logger::emit(std::string_view record) {
  if (holding_) {
    if (held_.size() < kMostHeld) held_.emplace_back(record);
    else dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Head h;
  std::memcpy(&h, record.data(), sizeof h);
  record.remove_prefix(sizeof h);
  if (!h.is_access) return emit_message(h.level, h.unix_ns, record);
  Access a;
  auto take = [&](size_t n) {
    auto part = record.substr(0, n);
    record.remove_prefix(n);
    return part;
  };
  a.status = h.status, a.latency_ns = h.latency_ns;
  a.client_ip = take(h.ip_size);
  a.method = take(h.method_size);
  a.target = take(h.target_size);
  a.error = take(h.error_size);
  formatter_->access(text_, h.unix_ns, a);
}

void Logger::emit_message(Level l, int64_t unix_ns, std::string_view text) {
  if (static_cast<uint8_t>(l) < level.load(std::memory_order_relaxed)) return;  // held, and the configuration drops it
  if (!sink_.write) return formatter_->message(text_, l, unix_ns, text);
  printable_.clear();
  append_printable(printable_, text);
  sink_.write(sink_.context, Record{l, unix_ns, printable_});
  sink_used_ = true;
}

// A reader that has stopped would hold a write for ever, and with it the end of the process.
bool Logger::output_takes() {
  for (int waited = 0; !takes_bytes(fd_, kLookMs);) {
    if (!ending) continue;
    if ((waited += kLookMs) < kPatienceMs) continue;
    (void)write_if_taken(STDERR_FILENO, "sluice: the end of the log is lost, as whoever reads it takes nothing\n", 0);
    fd_ = -1;
    return false;
  }
  return true;
}

void Logger::write_all(std::string_view text) {
  while (!text.empty() && fd_ >= 0) {
    if (!always_takes_ && !output_takes()) return;
    // So much goes into a pipe without waiting when any does (pipe(7)).
    ssize_t n = ::write(fd_, text.data(), always_takes_ ? text.size() : std::min<size_t>(text.size(), PIPE_BUF));
    if (n >= 0) text.remove_prefix(static_cast<size_t>(n));
    else if (errno != EAGAIN && errno != EINTR) return;  // nobody reads any more; the gateway goes on
  }
}

void Logger::flush() {
  if (!text_.empty()) {
    write_all(text_);
    text_.clear();
    if (text_.capacity() > 4 * kWriteAt) text_.shrink_to_fit();
  }
  if (sink_used_ && sink_.flush) sink_.flush(sink_.context);
  sink_used_ = false;
}

void Logger::report_dropped() {
  uint64_t total = dropped.load(std::memory_order_relaxed);
  if (total == reported_ || holding_ || level > static_cast<uint8_t>(Level::warning)) return;
  emit_message(Level::warning, now_ns(),
               std::to_string(total - reported_) + " log lines were dropped: more came than could be written");
  reported_ = total;
}

template <size_t N>
std::string_view cut(std::string_view s) {
  return s.substr(0, N);
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::debug: return "DEBUG";
    case Level::info: return "INFO";
    case Level::warning: return "WARNING";
    case Level::error: return "ERROR";
    case Level::critical: return "CRITICAL";
    case Level::off: break;
  }
  return "OFF";
}

void start(const Options& options) { logger().start(options); }
void ending() { logger().ending = true; }
void stop() { logger().stop(); }
void configure(Level level, Sink sink) { logger().configure(level, sink); }
void restore() { logger().restore(); }

bool enabled(Level level) {
  return static_cast<uint8_t>(level) >= logger().level.load(std::memory_order_relaxed) && level != Level::off;
}

void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  Head h{};
  h.unix_ns = now_ns();
  h.level = level;
  bool whole = message.size() <= kMostText;
  logger().post(h, {cut<kMostText>(message), whole ? std::string_view{} : " [cut]"});
}

bool access_enabled() { return logger().access.load(std::memory_order_relaxed); }
void set_access(bool enabled) { logger().access.store(enabled, std::memory_order_relaxed); }

void access(const Access& a) {
  if (!access_enabled()) return;
  auto ip = cut<kMostName>(a.client_ip), method = cut<kMostName>(a.method);
  auto target = cut<kMostTarget>(a.target), error = cut<kMostError>(a.error);
  Head h{};
  h.unix_ns = now_ns();
  h.latency_ns = a.latency_ns;
  h.status = static_cast<uint16_t>(a.status);
  h.is_access = 1;
  h.ip_size = static_cast<uint8_t>(ip.size());
  h.method_size = static_cast<uint8_t>(method.size());
  h.target_size = static_cast<uint16_t>(target.size());
  h.error_size = static_cast<uint32_t>(error.size());
  logger().post(h, {ip, method, target, error});
}

uint64_t dropped() { return logger().dropped.load(std::memory_order_relaxed); }

namespace detail {
void append(std::string& out, std::string_view s) { out += s; }
void append(std::string& out, int64_t v) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}
void append(std::string& out, uint64_t v) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, v).ptr);
}
}  // namespace detail

}  // namespace sluice::log
