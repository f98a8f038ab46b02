// One call to one backend: builds the request, takes it through a host (or a transport plugin), applies the status rule,
// decodes and shapes. pipeline.md §3, §6, §7.
#pragma once
#include <optional>
#include <vector>

#include "core/http/gzip.h"
#include "core/pipeline/account.h"
#include "core/pipeline/scope.h"

namespace sluice::pipeline {

struct ResponseLookup;

class BackendScope final : public Scope, public http::CallSink {
 public:
  BackendScope(Exchange&, const BackendPlan&);
  ~BackendScope() override;

  const BackendPlan& plan() const { return plan_; }
  std::string_view body_text();         // the whole body of a collected answer
  // The fields of a decoded answer as the backend sent them, where the plan keeps them; nullptr: there are none.
  const http::Headers* kept_headers() const { return kept_headers_; }

  // ---- before run() ----
  http::Headers& own_request_headers() {
    own_headers();
    return request.headers;
  }
  // In the place of the client's; sent with its length.
  void set_body(std::string_view);

  // ---- a raw answer: after run() ended without error the body is still arriving ----
  // Whose body that is: this call's, or that of an attempt whose answer was used. nullptr: nothing more comes.
  BackendScope* source() { return source_ ? source_ : streaming_ ? this : nullptr; }
  BackendScope* outer() const { return outer_; }  // whose answer this one's became; nullptr: nobody's
  // Bytes that are here now; the views live until the next wait. *last: nothing follows. Clears them.
  http::Slices take(bool* last);
  // Woken by more bytes, the end, or an error (then `error` is set).
  loop::Signal& more() { return event_; }
  bool has_more() const { return arrived_; }
  int64_t announced_length() const { return announced_; }  // of the body as it will be taken; -1 unknown
  void pause() { if (call_) call_->pause(); }
  void resume() { if (call_) call_->resume(); }

  // http::CallSink
  void on_response(const http::ResponseHead*, http::Slices, bool last) noexcept override;
  void on_error(const Error&) noexcept override;
  void on_writable() noexcept override;
  void on_continue() noexcept override;

 protected:
  loop::Task<void> inner() override;
  Scope* clone() override;
  void cancel_inner() override;
  void adopt_reply() override;
  loop::Task<void> finish_elsewhere() override;  // decodes and shapes
  void take_over(Scope& attempt) override;
  bool holds_request_body() const override { return !request.body.empty(); }
  bool waits_inside() const override { return transport_pending_ || Scope::waits_inside(); }

 private:
  void prepare();                       // request side, from the exchange
  bool build_target(const Host&, std::string_view* target);
  loop::Task<void> call_hosts();        // pick, send, next host when nothing was sent
  loop::Task<bool> pick_elsewhere(uint32_t hosts, uint32_t* chosen);  // false: `error` says why
  loop::Task<bool> send_once(const Host&, std::string_view target, std::string_view method, bool with_body);
  loop::Task<bool> follow_redirects(const Host&, std::string_view target);
  loop::Task<void> call_transport();
  http::Slice wire_head(const Host&, std::string_view target, std::string_view method, bool with_body);
  void start_upload();
  void wait_for_continue();
  void read_upload();
  void count_pending(slc_candidate*);
  bool send_chunk(http::Slices, bool last);  // false: wait for on_writable
  void take_head(const http::ResponseHead&);
  void wake();
  bool is_redirect() const;
  void own_headers();
  bool has_known_length(size_t) const;  // of a body that is here: it is told instead of sent in chunks
  void fail(Errc, Source, std::string_view message, std::string_view public_message = {});
  void finish_answer();                 // body → status rule → decoder → shape; the last two may be left to finish_elsewhere()
  void judge_answer();
  void status_failure(std::string_view body);
  void decode(std::string_view body);
  // Of a decoder that gave no tree. `why` null: it did not say.
  void refused_by_decoder(const Decoder&, const char* why, size_t size);
  void shape();
  void append_body(http::Slices);
  bool gunzip_body();

  const BackendPlan& plan_;
  const ResponseLookup* responses_;     // what {respN_path} of the pattern stands for
  const http::Headers* kept_headers_ = nullptr;
  bool tells_length_ = false;           // of a body that is made here
  WorkerHosts* hosts_ = nullptr;
  uint32_t host_index_ = 0;
  slc_candidate* pending_at_ = nullptr;
  BackendScope* source_ = nullptr;
  BackendScope* outer_ = nullptr;
  int64_t upload_length_ = -1;          // of an upload, where it is known
  std::optional<http::ClientCall> call_;
  loop::Deadline continue_timer_;
  loop::Signal event_;
  bool* destroyed_ = nullptr;           // set when destroyed inside its own callback
  // arrival
  bool has_head_ = false, last_ = false, arrived_ = false, collecting_ = true, streaming_ = false;
  bool gzip_asked_ = false, discard_ = false, uploading_ = false, upload_chunked_ = false;
  bool expecting_ = false;              // the upload waits for the backend's 100, or for continue_timer_
  bool upload_begun_ = false;           // more than the beginning was asked of the client: no other host can get it
  bool may_repeat_ = false;             // the last request got no answer before its connection ended, and may be sent again
  bool body_sent_ = false;              // the last request had a body (redirects)
  bool transport_pending_ = false;
  int64_t announced_ = -1;
  http::Slices now_{};                  // raw: valid inside the callback
  std::string carry_;                   // raw: what outlived its callback
  http::Slice kept_out_{};               // what take() handed out from own memory
  char* body_ = nullptr;
  size_t body_size_ = 0, body_room_ = 0;
  std::optional<http::GzipDecoder> gunzip_;
  std::string unzipped_;
  ArenaVector<router::Param> own_params_;
  std::string_view url_text_;           // for messages
  void* transport_slot_ = nullptr;
  Account::Sending* sending_ = nullptr; // what is told about the request that runs
  std::vector<std::unique_ptr<Host>> redirected_;  // hosts of Location headers
};

}  // namespace sluice::pipeline
