#include "core/plugin/isolate/helper_process.h"

#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "core/log/log.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/exchange.h"
#include "core/plugin/isolate/describe.h"
#include "core/plugin/isolate/process.h"
#include "core/plugin/services.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin::isolate {
namespace {

constexpr uint32_t kTurn = 64;  // calls of one worker in a turn of the loop, so that everybody has one
HelperProcess* the_process = nullptr;

// The gateway does not speak to itself in riddles: whatever this is, going on would only make it worse.
[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "sluice isolate-helper: %s\n", what);
  _exit(70);
}

}  // namespace

// One worker of the gateway.
struct HelperProcess::Lane final : Mirror::Sink {
  HelperProcess* process;
  Segment segment;
  FrameReader reader;
  FrameWriter writer;
  uv_poll_t* poll = nullptr;
  std::unordered_map<uint64_t, std::unique_ptr<Mirror>> mirrors;
  std::unordered_map<uint64_t, uint64_t> object_of;  // link → object

  void send(std::string& frame) override { writer.send(frame); }
  StatusPage& page() override { return *static_cast<StatusPage*>(process->page_.at()); }
  void ready();
  void finish();
  void take(std::string_view frame);
  ~Lane() {
    mirrors.clear();
    if (!poll) return;
    uv_poll_stop(poll);
    // The descriptors stay open until the loop has let go of them.
    struct Last {
      uv_poll_t* poll;
      Segment segment;
    };
    poll->data = new Last{poll, std::move(segment)};
    uv_close(reinterpret_cast<uv_handle_t*>(poll), [](uv_handle_t* h) {
      auto* last = static_cast<Last*>(h->data);
      delete last->poll;
      delete last;
    });
  }
};

void HelperProcess::Lane::ready() {
  silence_bell(segment.to_helper.get());
  writer.flush();
  for (;;) {
    uint32_t n = 0;
    for (std::string_view frame; reader.next(&frame);) {
      take(frame);
      if (++n >= kTurn) return ring_bell(segment.to_helper.get());
    }
    if (reader.broken()) give_up("the gateway sent a broken call");
    if (reader.sleep()) return;
  }
}

void HelperProcess::Lane::finish() {
  for (std::string_view frame; reader.next(&frame);) take(frame);
}

void HelperProcess::Lane::take(std::string_view frame) {
  Reader r{frame};
  CallHead head;
  if (!take_head(r, &head)) give_up("the gateway sent a broken call");
  std::string_view state = frame.substr(kHeadSize);
  if (answers_at_once(head.hook)) {
    HelperObject* object = process->find(head.object);
    if (!object) return;  // it has ended meanwhile, so nobody waits for the answer
    process->begin(*object);
    return Mirror{*process->worker_, *object, *this}.answer(head, state);
  }
  auto mirror = mirrors.find(head.link);
  if (head.kind != CallKind::hook) {
    if (mirror == mirrors.end()) return;
    if (head.kind == CallKind::attempt) return mirror->second->attempt_over(head, state);
    if (head.kind == CallKind::done) mirror->second->done(head, state);
    mirrors.erase(mirror);
    object_of.erase(head.link);
    return process->bury(head.object);
  }
  if (mirror == mirrors.end()) {
    auto object = process->objects_.find(head.object);
    if (object == process->objects_.end()) give_up("the gateway called an object that is not there");
    mirror = mirrors.emplace(head.link, std::make_unique<Mirror>(*process->worker_, *object->second, *this)).first;
    object_of[head.link] = head.object;
  }
  if (HelperObject* object = process->find(head.object)) process->begin(*object);
  mirror->second->hook(head, state);
}

// ---- the conversation ----

HelperProcess::HelperProcess(Fd control) : client_{loop_, http::ClientOptions{}, 1}, control_{std::move(control)} {
  the_process = this;
  worker_ = std::make_unique<slc_worker>(loop_, client_, 0, 1);
  register_worker(worker_.get());
  enter_worker(*worker_);
  poll_.data = this;
  uv_poll_init(loop_.uv(), &poll_, control_.get());
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* h, int, int) {
    auto& self = *static_cast<HelperProcess*>(h->data);
    if (!self.read()) self.end();
  });
}

HelperProcess::~HelperProcess() {
  unregister_worker(worker_.get());
  worker_.reset();
}

HelperProcess* HelperProcess::current() { return the_process; }

int HelperProcess::run() {
  loop_.run();
  return code_;
}

// Waits when the gateway is slow to read: a helper may.
void HelperProcess::say(std::string frame) {
  std::lock_guard lock{saying_};
  for (std::string_view rest = frame; !rest.empty();) {
    ssize_t n = ::send(control_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

bool HelperProcess::receive(bool wait) {
  if (wait) {
    pollfd p{control_.get(), POLLIN, 0};
    while (poll(&p, 1, -1) < 0 && errno == EINTR) {}
  }
  char bytes[16 * 1024];
  for (;;) {
    iovec into{bytes, sizeof bytes};
    alignas(cmsghdr) char room[CMSG_SPACE(8 * sizeof(int))];
    msghdr m{};
    m.msg_iov = &into, m.msg_iovlen = 1;
    m.msg_control = room, m.msg_controllen = sizeof room;
    ssize_t n = recvmsg(control_.get(), &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (n == 0) return false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        descriptors_.emplace_back(fd);
      }
    }
    input_.add({bytes, static_cast<size_t>(n)});
  }
}

bool HelperProcess::read() {
  bool open = receive(false);
  take_all();
  return open;
}

void HelperProcess::take_all() {
  for (;;) {
    if (!later_.empty()) {
      std::string frame = std::move(later_.front());
      later_.pop_front();
      take(frame);
      continue;
    }
    std::string_view frame;
    if (!input_.next(&frame)) break;
    take(std::string{frame});  // a copy: create() may read on
  }
  if (input_.broken()) give_up("the gateway sent a broken message");
}

Fd HelperProcess::next_descriptor() {
  if (descriptors_.empty()) give_up("a descriptor is missing");
  Fd fd = std::move(descriptors_.front());
  descriptors_.pop_front();
  return fd;
}

void HelperProcess::take(std::string_view frame) {
  Reader r{frame};
  switch (static_cast<Control>(r.u8())) {
    case Control::hello: return hello(r);
    case Control::create: return create(r);
    case Control::destroy: return destroy(r.u64());
    case Control::attach: return attach(r.u32());
    case Control::detach: return detach(r.u32());
    case Control::forget_tree: unneeded_trees_.push_back(r.u64()); return forget_trees();
    case Control::export_state: return export_state(r);
    case Control::import_state: return import_state(r);
    case Control::start:
      if (HelperObject* o = find(r.u64())) begin(*o);
      return;
    case Control::watch: return watch(r);
    case Control::unwatch: return unwatch(r.u64());
    case Control::sink_level: return sink_level(r);
    case Control::sink_write: return sink_write(r);
    case Control::sink_flush:
      if (HelperObject* o = find(r.u64()); o && o->sink && o->sink->flush) {
        Running running{*static_cast<StatusPage*>(page_.at()), *o, Hook::flush};
        o->sink->flush(o->object->object());
      }
      return;
    case Control::sync: {
      Message m{Control::synced};
      m->u64(r.u64());
      return say(m.take());
    }
    case Control::level:
      log::configure(static_cast<log::Level>(r.i32()), {.write = [](void*, const log::Record& record) {
                                                          if (writing_a_line) return;  // a sink that logs would never end
                                                          Message m{Control::log};
                                                          m->i32(static_cast<int32_t>(record.level));
                                                          m->text(record.message);
                                                          the_process->say(m.take());
                                                        }});
      return;
    default: give_up("the gateway sent an unknown message");
  }
}

// ---- the plugin ----

void HelperProcess::hello(Reader& r) {
  std::string title{r.text()}, copy{r.text()};
  uint32_t memory_mb = r.u32();
  std::string level;
  Writer{level}.u8(static_cast<uint8_t>(Control::level));
  Writer{level}.i32(r.i32());
  std::string folder{r.text()};
  if (!r.at_end() || !Mapping::adopt(next_descriptor(), sizeof(StatusPage), &page_)) give_up("the gateway sent a broken message");
  take(level);
  if (auto ok = crash::install({folder, "It was the helper process of the isolated plugin " + title + "; gateway process " +
                                            std::to_string(getppid()) + " goes on."}); !ok)
    SLC_LOG(warning, ok.error().message);
  limit_memory(memory_mb);
  std::string why;
  void* image = dlopen(copy.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto* entry = image ? static_cast<const slc_entry*>(dlsym(image, "slc_plugin_entry")) : nullptr;
  if (!entry) {
    const char* words = dlerror();
    why = words ? words : "no symbol slc_plugin_entry";
  } else {
    ScanResult result;
    registry_.add(entry, title.substr(0, title.find(" (")), result);
    bindings_ = registry_.bindings();
    for (const std::string& p : result.problems) why += (why.empty() ? "" : "; ") + p;
  }
  Message m{Control::loaded};
  m->text(why);
  say(m.take());
  if (bindings_.empty()) code_ = 1, end();
}

void HelperProcess::create(Reader& r) {
  if (bindings_.empty()) return;
  auto o = std::make_unique<HelperObject>();
  o->id = r.u64(), o->generation = r.u64();
  uint32_t index = r.u32();
  Context context;
  context.scope = r.i32();
  context.where = std::string{r.text()};
  context.place = std::string{r.text()};
  config::Block block;
  block.pointer = std::string{r.text()};
  boost::json::value value;
  if (r.u8()) {
    boost::json::parse_options options;
    options.max_depth = document::Builder::kMaxDepth;
    boost::json::error_code ec;
    value = boost::json::parse(r.text(), ec, {}, options);
    if (ec) r.fail();
    block.value = &value;
  }
  if (!r.at_end() || index >= bindings_.size()) give_up("the gateway sent a broken object");
  const Binding& binding = *bindings_[index];
  if (binding.interface_id == SLC_IFACE_MIDDLEWARE) o->table = table<slc_middleware>(binding);
  if (binding.interface_id == SLC_IFACE_TRANSPORT) o->transport = table<slc_transport>(binding);
  if (binding.interface_id == SLC_IFACE_RESOLVER) o->resolver = table<slc_resolver>(binding);
  if (binding.interface_id == SLC_IFACE_LOG_SINK) o->sink = table<slc_log_sink>(binding);
  if (binding.interface_id == SLC_IFACE_DECODER) o->decoder = table<slc_decoder>(binding);
  if (binding.interface_id == SLC_IFACE_ENCODER) o->encoder = table<slc_encoder>(binding);
  if (binding.interface_id == SLC_IFACE_BALANCER) o->balancer = table<slc_balancer>(binding);
  if (binding.interface_id == SLC_IFACE_AROUND) o->around = table<slc_around>(binding);
  config::Report report;
  ObjectFactory factory{registry_, 1, report};
  factory.keys_are_checked();
  creating_ = o->id;
  OfGeneration& all = generations_[o->generation];
  {
    shared::Holding holding{all.holder};
    o->object = factory.make(binding, block.value ? &block : nullptr, context);
  }
  if (o->decoder && o->object) o->format.serve(*o->decoder, *o->object);
  creating_ = 0;
  // State of the object before it comes first.
  const bool may_import = binding.life && SLC_HAS(binding.life, slc_lifecycle, import_state);
  if (o->object && !may_import) {
    o->start = HelperObject::Start::done;
    if (auto started = o->object->start(*worker_); !started) {
      report.error(block.pointer, started.error().message);
      o->object = nullptr;
    }
  }
  Message m{Control::created};
  m->u64(o->id), m->i32(report.failed() ? SLC_EINVAL : SLC_OK), m->u8(o->object != nullptr);
  m->u32(static_cast<uint32_t>(report.issues().size()));
  std::string by = " (plugin " + binding.plugin_id + " " + binding.plugin_version + ")";  // the gateway says it, too
  for (const config::Issue& issue : report.issues()) {
    std::string_view text = issue.message;
    if (text.ends_with(by)) text.remove_suffix(by.size());
    m->u8(issue.severity == config::Issue::Severity::error);
    m->text(issue.pointer), m->text(text);
  }
  if (o->object) o->share_account();
  if (o->object)
    ++all.objects, objects_[o->id] = std::move(o);
  else if (!all.objects)
    generations_.erase(o->generation);
  say(m.take());
}

HelperObject* HelperProcess::find(uint64_t id) {
  auto it = objects_.find(id);
  return it == objects_.end() ? nullptr : it->second.get();
}

void HelperProcess::begin(HelperObject& o) {
  if (o.start != HelperObject::Start::waits) return;
  o.start = HelperObject::Start::done;
  if (auto started = o.object->start(*worker_); !started) {
    SLC_LOG(error, started.error().message);
    o.start = HelperObject::Start::failed;
  }
}

// ---- the ends of objects ----

// The end of an object comes over the socket, and that of its last request through the shared memory.
void HelperProcess::destroy(uint64_t id) {
  if (!find(id)) return;
  dying_.insert(id);
  for (auto& entry : lanes_) entry.second->finish();
  bury(id);
}

void HelperProcess::bury(uint64_t id) {
  auto it = objects_.find(id);
  if (it == objects_.end() || !dying_.contains(id)) return;
  for (auto& entry : lanes_)
    for (const auto& link : entry.second->object_of)
      if (link.second == id) return;
  dying_.erase(id);
  unwatch_all(*it->second);
  const uint64_t generation = it->second->generation;
  it->second->object->stop(*worker_);
  objects_.erase(it);
  if (auto all = generations_.find(generation); all != generations_.end() && --all->second.objects == 0) generations_.erase(all);
  forget_trees();
}

void HelperProcess::forget_trees() {
  if (!dying_.empty()) return;  // they may have views of them
  for (uint64_t tree : unneeded_trees_) known_trees_.erase(tree);
  unneeded_trees_.clear();
}

slc_node HelperProcess::around(int32_t scope) {
  if (!creating_) return {nullptr, 0};
  Message m{Control::ask_tree};
  m->u64(creating_), m->i32(scope);
  say(m.take());
  for (;;) {
    std::string_view frame;
    while (input_.next(&frame)) {
      Reader r{frame};
      if (static_cast<Control>(r.u8()) != Control::tree) {
        later_.emplace_back(frame);
        continue;
      }
      r.u64(), r.i32();
      uint64_t id = r.u64();
      if (r.u8()) {
        auto& tree = known_trees_[id];
        tree = std::make_unique<Tree>(tree_blocks_);
        document::Builder b{tree->arena, nullptr};
        Reader tokens{r.text()};
        tokens.tree(b, tree->root);
      }
      auto known = known_trees_.find(id);
      return known != known_trees_.end() ? handle(known->second->root, nullptr) : slc_node{nullptr, 0};
    }
    if (input_.broken() || !receive(true)) give_up("the gateway is gone");
  }
}

// ---- hooks ----

void HelperProcess::attach(uint32_t worker) {
  Fd file = next_descriptor(), to_helper = next_descriptor(), to_gateway = next_descriptor();
  auto segment = Segment::adopt(file, std::move(to_helper), std::move(to_gateway));
  if (!segment) give_up("the shared memory cannot be mapped");
  lanes_.erase(worker);
  auto lane = std::make_unique<Lane>();
  lane->process = this;
  lane->segment = std::move(*segment);
  lane->reader = lane->segment.helper_reader();
  lane->writer = lane->segment.helper_writer();
  lane->poll = new uv_poll_t;
  lane->poll->data = lane.get();
  uv_poll_init(loop_.uv(), lane->poll, lane->segment.to_helper.get());
  uv_poll_start(lane->poll, UV_READABLE, [](uv_poll_t* h, int, int) { static_cast<Lane*>(h->data)->ready(); });
  Lane& of = *(lanes_[worker] = std::move(lane));
  of.ready();  // calls may have been waiting
}

// What was sent before is still to be done: on_done of the last exchanges.
void HelperProcess::detach(uint32_t worker) {
  auto it = lanes_.find(worker);
  if (it == lanes_.end()) return;
  it->second->finish();
  lanes_.erase(it);
  for (uint64_t id : std::vector<uint64_t>(dying_.begin(), dying_.end())) bury(id);
}

void HelperProcess::count(slc_metric_id id, bool observed, int64_t bits) {
  if (!observed)
    for (Count& c : counts_)
      if (c.id == id && !c.observed) {
        c.bits += bits;
        return;
      }
  if (counts_.empty()) loop_.post([this] { tell_counts(); });
  counts_.push_back({id, observed, bits});
}

void HelperProcess::tell_counts() {
  if (counts_.empty()) return;
  Message m{Control::count};
  m->u32(static_cast<uint32_t>(counts_.size()));
  for (const Count& c : counts_) m->u32(c.id), m->u8(c.observed), m->number(c.bits);
  counts_.clear();
  say(m.take());
}

// The gateway is gone, or wants us to be: in good order, because a plugin may have something to write down.
void HelperProcess::end() {
  if (std::exchange(ended_, true)) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
  while (!lanes_.empty()) detach(lanes_.begin()->first);
  while (!objects_.empty()) destroy(objects_.rbegin()->first);
  tell_counts();
  client_.close();
  loop_.stop();
}

int helper_main(int count, char** values) {
  // The thread that started us is the gateway's supervisor, which lives as long as we are wanted.
  if (count < 4 || !enter_process(values[2])) {
    std::fprintf(stderr, "sluice isolate-helper is started by the gateway, and by nobody else.\n");
    return 64;
  }
  if (count == kDescribeCount) describe_main(values);
  // Stopping is the gateway's business: a supervisor's SIGTERM goes to us too, and running requests still need the plugin.
  for (int s : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(s, SIG_IGN);
  let_signals_in();
  set_service_filter(helper_service);
  HelperProcess process{Fd{kChildControl}};
  return process.run();
}

}  // namespace sluice::plugin::isolate
