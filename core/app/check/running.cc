#include "core/app/check/running.h"

#include <algorithm>
#include <cstring>

namespace sluice::app::check {
namespace {

RunningPage::Thread* thread_of_this() {
  if (!running_page) return nullptr;
  thread_local RunningPage::Thread* mine = nullptr;
  if (!mine) {
    const uint32_t n = running_page->threads.fetch_add(1, std::memory_order_relaxed);
    if (n < RunningPage::kThreads) mine = &running_page->thread[n];
  }
  return mine;
}

}  // namespace

std::string RunningPage::what() const {
  std::string out;
  const uint32_t n = std::min(threads.load(), kThreads);
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t depth = std::min(thread[i].depth.load(), kDepth);
    if (!depth) continue;
    const char* text = thread[i].text[depth - 1];
    out += (out.empty() ? "" : " and ") + std::string{text, ::strnlen(text, kText)};
  }
  return out;
}

Running::Running(const char* hook, std::string_view binding, std::string_view where) : thread_{thread_of_this()} {
  if (!thread_) return;
  running_page->step.fetch_add(1, std::memory_order_relaxed);
  const uint32_t depth = thread_->depth.load(std::memory_order_relaxed);
  if (depth < RunningPage::kDepth) {
    char* to = thread_->text[depth];
    size_t left = RunningPage::kText - 1;
    auto put = [&](std::string_view s) {
      const size_t size = std::min(s.size(), left);
      std::memcpy(to, s.data(), size);
      to += size, left -= size;
    };
    put(hook);
    if (!binding.empty()) put(" of \""), put(binding), put("\"");
    if (!where.empty()) put(" at "), put(where);
    *to = '\0';
  }
  thread_->depth.store(depth + 1, std::memory_order_release);
}

Running::~Running() {
  if (!thread_) return;
  thread_->depth.store(thread_->depth.load(std::memory_order_relaxed) - 1, std::memory_order_release);
}

}  // namespace sluice::app::check
