// test/posts-late: posts to the worker of its last request when it is destroyed, as a thread of its own may that ends only there.
#include <atomic>
#include <cstdio>
#include <optional>

#include <sluice/plugin.hpp>

namespace {

class PostsLate {
 public:
  static constexpr auto name = "test/posts-late";
  static constexpr auto scopes = sluice::scope::endpoint;

  explicit PostsLate(sluice::Setup&) {}
  ~PostsLate() {
    if (!worker_) return;
    const auto status = worker_->post([](void*) noexcept { std::fputs("posts-late: it ran\n", stderr); }, nullptr);
    std::fprintf(stderr, "posts-late: answered %d\n", status.value);
  }
  PostsLate(const PostsLate&) = delete;

  sluice::Action on_request(sluice::Exchange x) {
    worker_ = x.worker();
    return sluice::next;
  }

 private:
  std::optional<sluice::Worker> worker_;
};

}  // namespace

SLC_PLUGIN("test.posts-late", "1.0.0", PostsLate)
