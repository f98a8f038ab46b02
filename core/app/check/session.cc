#include "core/app/check/session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>

#include "core/app/check/blocks.h"
#include "core/app/check/child.h"
#include "core/app/check/running.h"
#include "core/app/check/spy.h"
#include "core/base/file.h"
#include "core/plugin/background_dns.h"
#include "core/plugin/note.h"
#include "core/plugin/work.h"

namespace sluice::app::check {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr uint32_t kAtEndpoint = SLC_AT_ENDPOINT | SLC_AT_PROXY;

std::string with(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; !from.empty() && (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

// Which rule is broken, for people, and what to do about it.
struct RuleText {
  const char *check, *advice;
  State state;
};
RuleText text_of(spy::Rule r) {
  using spy::Rule;
  switch (r) {
    case Rule::action: return {"actions", "Answer SLC_NEXT, SLC_REPLY, SLC_FAIL, or SLC_PENDING after suspend().", State::failed};
    case Rule::resume: return {"resumes", "Keep the token with what it belongs to, and resume it once.", State::failed};
    case Rule::unresumed:
      return {"resumes", "Every path that ends in SLC_PENDING needs a timer, a callout or a thread that resumes; after a failure too.", State::failed};
    case Rule::blocking:
      return {"blocking", "Do it later or elsewhere: timers and callouts (x.after, x.fetch), or a thread that resumes.", State::failed};
    case Rule::waiting: return {"blocking", "Hooks must not wait: no files, sockets, sleeps, or locks that somebody holds for long.", State::note};
    case Rule::timer: return {"timers", "Cancel in worker_stop (or in the destructor of PerWorker) what worker_start began.", State::failed};
    case Rule::thread: return {"threads", "Resume the exchange, and do the rest in the hook or callback that follows.", State::failed};
    case Rule::threads: return {"threads", "Set SLC_STARTS_THREADS in the entry's flags (SLC_PLUGIN_WITH), so that the host waits for them.", State::failed};
    case Rule::lifecycle: return {"balance", "Whatever is created is destroyed once.", State::failed};
    case Rule::stream:
      return {"streams", "emit() is for chunk hooks and for what runs between two chunks of the same body: from on_request and the like use set_body.",
              State::note};
    case Rule::state: return {"state", "import_state must take what export_state of the same build has written, whatever it was.", State::failed};
    case Rule::node:
      return {"nodes", "Ask the exchange for its document in every hook, and for nodes again after erase(); copy what has to outlive it.", State::failed};
    case Rule::exchange:
      return {"exchanges", "An exchange ends with its on_done, and so does everything kept for it: whoever goes on afterwards keeps copies, or a token.",
              State::failed};
    case Rule::header: return {"headers", "Check what is put into a header: CR, LF and NUL are refused, and so is the id 0.", State::note};
  }
  return {"rules", "", State::failed};
}

bool streams(const plugin::Binding& b) {
  if (b.interface_id != SLC_IFACE_MIDDLEWARE) return false;
  const auto* t = plugin::table<slc_middleware>(b);
  return SLC_HAS(t, slc_middleware, on_request_chunk) || SLC_HAS(t, slc_middleware, on_response_chunk);
}

// An encoding that passes bodies on as they are: a body that breaks off can only end with the connection.
bool passes_bodies_on(const plugin::Binding& b) {
  if (b.interface_id == SLC_IFACE_DECODER) return !plugin::table<slc_decoder>(b)->decode;
  return b.interface_id == SLC_IFACE_ENCODER && !plugin::table<slc_encoder>(b)->encode;
}

std::vector<struct sigaction> signals_now() {
  std::vector<struct sigaction> out(static_cast<size_t>(SIGRTMAX) + 1);
  for (int n = 1; n <= SIGRTMAX; ++n)
    if (::sigaction(n, nullptr, &out[static_cast<size_t>(n)]) != 0) out[static_cast<size_t>(n)].sa_handler = SIG_DFL;
  return out;
}
std::string signal_text(int number) {
  const char* name = ::sigabbrev_np(number);
  return name ? "SIG" + std::string{name} : "signal " + std::to_string(number);
}

std::string scope_text(int32_t scope) {
  switch (scope) {
    case SLC_AT_SERVICE: return " at the service";
    case SLC_AT_ENDPOINT: return " at an endpoint";
    case SLC_AT_PROXY: return " around all backends";
    case SLC_AT_BACKEND: return " at a backend";
    default: return "";
  }
}

}  // namespace

Site::~Site() {
  gateway_->drain();
  main_.join();
}

ReloadOutcome Site::reload() {
  std::promise<ReloadOutcome> done;
  gateway_->reload({"check-plugin"}, [&](const ReloadOutcome& outcome) { done.set_value(outcome); });
  return done.get_future().get();
}

size_t Site::generations() const {
  json::error_code ec;
  const json::value status = json::parse(gateway_->status(), ec);
  const json::value* all = ec ? nullptr : status.get_object().if_contains("generations");
  return all && all->is_array() ? all->get_array().size() : 0;
}

Session::Session(KitOptions o) : options_{std::move(o)}, backend_{new Backend} {
  std::string pattern = (fs::temp_directory_path() / "sluice-check-XXXXXX").string();
  if (::mkdtemp(pattern.data())) folder_ = pattern;
  threads_at_start_ = threads();
  ::signal(SIGPIPE, SIG_IGN);  // as every gateway has it
  signals_ = signals_now();
}

Session::~Session() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

size_t Session::threads() {
  size_t n = 0;
  std::error_code ec;
  for (fs::directory_iterator it{"/proc/self/task", ec}, end; !ec && it != end; it.increment(ec)) ++n;
  return n - std::min(n, plugin::WorkPool::get().threads() + (plugin::background_dns::running() ? 1 : 0));
}

bool Session::tell_signals(const std::string& when) {
  auto now = signals_now();
  std::string changed;
  for (int n = 1; n <= SIGRTMAX; ++n) {
    const struct sigaction &was = signals_[static_cast<size_t>(n)], &is = now[static_cast<size_t>(n)];
    if (was.sa_handler == is.sa_handler) continue;
    changed += (changed.empty() ? "" : ", ") + signal_text(n) +
               (is.sa_handler == SIG_IGN   ? " (ignored)"
                : is.sa_handler == SIG_DFL ? " (reset)"
                                           : " (a handler of its own)");
  }
  signals_ = std::move(now);
  if (changed.empty()) return false;
  tell(State::failed, "signals", when + " took signals for itself: " + changed,
       "Signals are the gateway's: it stops with SIGTERM, reloads with SIGHUP, and reports crashes. Put what needs them into a process of its own.");
  return true;
}

std::string Session::cleaned(std::string text) const { return with(std::move(text), copy_, options_.file); }

std::string Session::load() {
  auto bytes = read_file(options_.file);
  if (!bytes) return options_.file + " " + bytes.error().message;
  bytes_ = std::move(*bytes);
  // A folder with the others, and with a private copy of this one: an older build of it may be installed, and must not clash.
  const fs::path name = fs::path{options_.file}.filename();
  copy_ = folder_ + "/" + name.string();
  {
    std::ofstream out{copy_, std::ios::binary};
    out << bytes_;
    if (!out) return "no private copy can be written to " + folder_;
  }
  ::chmod(copy_.c_str(), 0500);
  std::error_code ec;
  const std::string others = options_.plugins.empty() ? plugin::default_folder() : options_.plugins;
  for (fs::directory_iterator it{others, ec}, end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    if (it->path().extension() == ".so" && it->path().filename() != name)
      fs::create_symlink(fs::absolute(it->path(), ignored), folder_ + "/" + it->path().filename().string(), ignored);
  }
  spy::watch(bytes_);
  auto opened = plugin::Module::open(copy_);
  spy::opened();
  if (!opened) return cleaned(opened.error().message);
  module_ = *opened;
  if (auto ok = module_->initialise(); !ok) return cleaned(ok.error().message);
  tell_signals("opening the file, or load(),");
  registry_ = std::make_unique<plugin::Registry>();
  plugin::ScanResult found;
  registry_->scan(folder_, ".so", found);
  for (const plugin::Binding* b : registry_->bindings())
    if (b->module == module_) bindings_.push_back(b);
  if (bindings_.empty()) {
    for (const std::string& p : found.problems)
      if (p.find(copy_) != p.npos) return cleaned(p);
    return "none of its names can be used";
  }
  chosen_.resize(bindings_.size());
  for (const plugin::Binding* b : registry_->bindings()) {
    if (!passes_bodies_on(*b)) continue;
    (b->interface_id == SLC_IFACE_DECODER ? raw_decoder_ : raw_encoder_) = b->name;
  }
  find_spots();
  return {};
}

std::string Session::note_disagreement() const {
  const slc_entry* e = spy::entry();
  if (!e || !e->id || !e->version) return {};
  const auto note = plugin::read_note(bytes_);
  return note && *note ? plugin::disagreement(**note, *e) : std::string{};
}

void Session::unload() {
  spots_.clear();
  bindings_.clear();
  registry_.reset();
  module_.reset();
}

void Session::find_spots() {
  for (const plugin::Binding* b : bindings_) {
    std::vector<int32_t> scopes;
    if (!b->spec->scopes) scopes.push_back(0);
    for (int32_t s : {SLC_AT_SERVICE, SLC_AT_ENDPOINT, SLC_AT_PROXY, SLC_AT_BACKEND}) {
      if (!(b->spec->scopes & static_cast<uint32_t>(s))) continue;
      // A block of an endpoint is served at the endpoint if the binding can be there.
      if (s == SLC_AT_PROXY && (b->spec->scopes & SLC_AT_ENDPOINT)) continue;
      if (s == SLC_AT_ENDPOINT && b->interface_id == SLC_IFACE_AROUND) continue;
      if (s != SLC_AT_SERVICE && b->interface_id == SLC_IFACE_LOG_SINK) continue;
      if (s == SLC_AT_SERVICE && b->interface_id == SLC_IFACE_BALANCER) continue;
      scopes.push_back(s);
    }
    auto add = [&](int32_t s, bool raw) {
      spots_.push_back({b, s, "/check-" + std::to_string(spots_.size()), '"' + b->name + '"' + scope_text(s) + (raw ? ", bodies streamed" : ""), raw});
    };
    const bool raw = passes_bodies_on(*b) && !raw_decoder_.empty() && !raw_encoder_.empty();
    for (int32_t s : scopes) add(s, raw);
    // Where nobody reads the body, hooks see it as it comes.
    if (!streams(*b) || raw_decoder_.empty() || raw_encoder_.empty()) continue;
    for (int32_t s : scopes) add(s, true);
  }
}

json::value Session::block_for(const plugin::Binding& b) const {
  const auto& c = chosen(b);
  return c ? *c : json::value(json::object{});
}

const std::optional<json::value>& Session::chosen(const plugin::Binding& b) const {
  const auto at = std::find(bindings_.begin(), bindings_.end(), &b);
  return chosen_[static_cast<size_t>(at - bindings_.begin())];
}

std::shared_ptr<plugin::Object> Session::make(const plugin::Binding& b, const json::value* block, config::Report& report) {
  // A configuration of its own around the block, for surrounding().
  const int32_t scope = [&] {
    for (const Spot& s : spots_)
      if (s.binding == &b) return s.scope;
    return 0;
  }();
  json::object backend{{"host", json::array{backend_->url()}}, {"url_pattern", "/ok"}};
  json::object endpoint{{"endpoint", "/check"}, {"method", "GET"}, {"backend", json::array{backend}}};
  const json::value root = json::object{{"version", 3}, {"endpoints", json::array{endpoint}}};
  config::Element at_root, at_endpoint, at_backend;
  at_root.value = &root;
  at_endpoint.value = &root.get_object().at("endpoints").get_array()[0];
  at_endpoint.pointer = "/endpoints/0";
  at_backend.value = &at_endpoint.value->get_object().at("backend").get_array()[0];
  at_backend.pointer = "/endpoints/0/backend/0";
  plugin::Context context;
  context.scope = scope;
  context.where = "[CHECK]";
  context.root = &at_root;
  if (scope != SLC_AT_SERVICE) context.endpoint = &at_endpoint;
  if (scope == SLC_AT_BACKEND) context.backend = &at_backend;
  config::Block configured;
  configured.name = b.name;
  configured.value = block;
  configured.pointer = "/block";
  return plugin::ObjectFactory{*registry_, 1, report}.make(b, block ? &configured : nullptr, context);
}

std::shared_ptr<plugin::Object> Session::make_object(const plugin::Binding& b) {
  config::Report report;
  const auto& block = chosen(b);
  return make(b, block ? &*block : nullptr, report);
}

Session::Tried Session::try_block(const plugin::Binding& b, const json::value* block) {
  config::Report report;
  Tried out;
  make(b, block, report);
  out.accepted = !report.failed();
  for (const config::Issue& i : report.issues()) {
    if (i.severity != config::Issue::Severity::error) continue;
    std::string pointer = i.pointer.starts_with("/block") ? i.pointer.substr(6) : i.pointer;
    out.errors.push_back((pointer.empty() ? "" : pointer + ": ") + i.message);
    out.pointers.push_back(std::move(pointer));
  }
  return out;
}

std::string Session::choose_blocks() {
  std::string missing;
  for (size_t i = 0; i < bindings_.size(); ++i) {
    const plugin::Binding& b = *bindings_[i];
    std::vector<std::optional<json::value>> candidates;
    if (!b.spec->scopes) {
      candidates.emplace_back();
    } else if (options_.blocks) {
      const json::object* by_name = options_.blocks->if_object();
      const json::value* own = by_name ? by_name->if_contains(b.name) : nullptr;
      candidates.emplace_back(own ? *own : *options_.blocks);
    } else {
      if (b.schema)
        for (json::value& v : blocks_of(*b.schema, backend_->url() + "/ok").valid) candidates.emplace_back(std::move(v));
      candidates.emplace_back(json::object{});
    }
    bool found = false;
    std::string last;
    for (auto& c : candidates) {
      const Tried tried = try_block(b, c ? &*c : nullptr);
      if (tried.accepted) {
        chosen_[i] = std::move(c);
        found = true;
        break;
      }
      last = tried.errors.empty() ? "no reason" : tried.errors.front();
    }
    if (!found)
      missing += (missing.empty() ? "" : "\n") + std::string{"\""} + b.name + "\": " +
                 (options_.blocks ? "the block of --config is refused: " : std::to_string(candidates.size()) + " generated blocks were refused; the last: ") +
                 last;
  }
  return missing;
}

json::object Session::configuration(const std::string& timeout) const {
  json::object service, root;
  service["router"] = json::object{{"disable_access_log", true}};
  json::array endpoints;
  for (const Spot& s : spots_) {
    const std::string_view kind = s.binding->interface_id;
    const std::string& name = s.binding->name;
    // Two hosts: a balancer is asked only then.
    json::object backend{{"host", json::array{backend_->url(), backend_->url()}}, {"url_pattern", "/{mode}"}};
    json::object endpoint{
        {"endpoint", s.path + "/{mode}"}, {"timeout", timeout}, {"input_headers", json::array{"*"}}, {"input_query_strings", json::array{"*"}}};
    if (kind == SLC_IFACE_DECODER) backend["encoding"] = name;
    else if (kind == SLC_IFACE_RESOLVER) backend["sd"] = name;
    else if (kind == SLC_IFACE_ENCODER) endpoint["output_encoding"] = name;
    else if (s.scope == SLC_AT_SERVICE) service[name] = block_for(*s.binding);
    else if (static_cast<uint32_t>(s.scope) & kAtEndpoint) endpoint["extra_config"] = json::object{{name, block_for(*s.binding)}};
    else if (s.scope == SLC_AT_BACKEND) backend["extra_config"] = json::object{{name, block_for(*s.binding)}};
    if (s.raw) backend["encoding"] = raw_decoder_, endpoint["output_encoding"] = raw_encoder_;
    endpoint["backend"] = json::array{backend};
    endpoints.push_back(endpoint);
    endpoint["method"] = "POST";
    backend["method"] = "POST";
    endpoint["backend"] = json::array{std::move(backend)};
    endpoints.push_back(std::move(endpoint));
  }
  root["version"] = 3;
  root["listen_ip"] = "127.0.0.1";
  root["max_shutdown_wait_time"] = "3s";
  root["extra_config"] = std::move(service);
  root["endpoints"] = std::move(endpoints);
  return root;
}

std::unique_ptr<Site> Session::open(uint32_t workers, const std::string& timeout, std::string& why) {
  const std::string file = folder_ + "/gateway.json";
  std::ofstream{file} << json::serialize(configuration(timeout));
  GatewayOptions o;
  o.config_file = file;
  o.workers = workers;
  o.plugins = folder_;
  for (int attempt = 0; attempt < 5; ++attempt) {
    // Between the choice of the port and its use another program may have taken it.
    o.port = free_port();
    config::Report report;
    auto gateway = Gateway::build(o, report);
    if (!gateway) {
      why = with(cleaned(report.format()), file, "the generated configuration");
      return nullptr;
    }
    auto port = gateway->start();
    if (port) return std::make_unique<Site>(std::move(gateway), *port);
    why = cleaned(port.error().message);
    if (why.find("in use") == why.npos) return nullptr;
  }
  return nullptr;
}

void Session::tell(State state, const std::string& check, std::string text, std::string advice) {
  tell_parent(to_line({state, check, std::move(text), std::move(advice)}));
}

bool Session::tell_violations() {
  bool any = false;
  for (size_t i = 0; i < spy::kRules; ++i) {
    const auto rule = static_cast<spy::Rule>(i);
    const RuleText t = text_of(rule);
    for (std::string& text : spy::take(rule)) {
      any = any || t.state == State::failed;
      tell(t.state, t.check, std::move(text), t.advice);
    }
  }
  return any;
}

Answer Session::expect_answer(const Site& site, const std::string& check, const std::string& what, const std::string& request) {
  Answer a = ask(site.port(), request, options_.answer_ms);
  if (a.status || a.problem.find("no answer within") == a.problem.npos) return a;
  const std::string running = running_page ? running_page->what() : std::string{};
  tell(State::failed, check,
       what + ": " + a.problem + (running.empty() ? "" : "; the gateway is still inside " + running) + ". The remaining checks were not run.",
       running.empty() ? "" : "A hook must return: a loop that does not end, or a lock that is never free, stops a whole worker.");
  // Its thread is inside the plugin and will not come back: there is no clean end.
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  ::_exit(kGaveUp);
}

}  // namespace sluice::app::check
