#include "core/loop/loop.h"

#include <sys/time.h>

#include <cstdlib>
#include <cstring>
#include <ctime>

namespace sluice::loop {

Loop::Loop() : deadlines_{(uv_loop_init(&uv_) == 0 ? void() : std::abort(), &uv_)}, gathering_{&uv_} {
  async_.data = this;
  uv_async_init(&uv_, &async_, on_async);
}

Loop::~Loop() {
  if (!closed_) {  // run() was never called to its end
    deadlines_.close();
    uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
    uv_run(&uv_, UV_RUN_DEFAULT);
  }
  if (uv_loop_close(&uv_) != 0) std::abort();  // somebody leaked a handle: its memory would be used after free
  if (block_) release(block_);
  for (ReadBlock* b : spare_) delete b;
}

void Loop::run() { uv_run(&uv_, UV_RUN_DEFAULT); }

void Loop::stop() {
  post([this] {
    if (closed_) return;
    closed_ = true;
    deadlines_.close();
    uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
  });
}

bool Loop::post(std::function<void()> fn) {
  std::lock_guard lock{mutex_};
  if (stopping_) return false;
  posted_.push_back(std::move(fn));
  uv_async_send(&async_);
  return true;
}

void Loop::on_async(uv_async_t* handle) {
  auto* self = static_cast<Loop*>(handle->data);
  std::vector<std::function<void()>> work;
  {
    std::lock_guard lock{self->mutex_};
    work.swap(self->posted_);
  }
  for (auto& fn : work) fn();
  if (self->closed_) {
    std::lock_guard lock{self->mutex_};
    self->stopping_ = true;
    self->posted_.clear();
  }
}

ReadBlock* Loop::read_block() {
  if (block_ && block_->refs == 1) [[likely]]
    return block_;
  if (block_) release(block_);
  if (spare_.empty()) {
    block_ = new ReadBlock;
  } else {
    block_ = spare_.back();
    spare_.pop_back();
    block_->refs = 1;
  }
  return block_;
}

void Loop::release(ReadBlock* b) {
  if (--b->refs != 0) return;
  if (spare_.size() < 16)
    spare_.push_back(b);
  else
    delete b;
}

std::string_view Loop::http_date() {
  // The wall clock moves with the loop's time: one vDSO read a request, one format a second.
  timespec ts;
  clock_gettime(CLOCK_REALTIME_COARSE, &ts);
  if (ts.tv_sec != date_second_) {
    date_second_ = ts.tv_sec;
    tm t;
    gmtime_r(&ts.tv_sec, &t);
    strftime(date_, sizeof date_, "%a, %d %b %Y %H:%M:%S GMT", &t);
  }
  return {date_, 29};
}

}  // namespace sluice::loop
