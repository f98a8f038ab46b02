// Task: a lazy coroutine whose frame lives in an arena. Frames are never freed one by one.
//
// Cancellation is destruction: destroying a suspended Task destroys its locals, and with them every leaf operation it
// awaits; a leaf's destructor detaches it from the loop, so nothing resumes a destroyed frame. There is no "cancelled"
// result to handle. Rules (g++ 12 traps, hot-path.md): no lambda coroutines with captures; no aggregate temporaries with
// non-trivial members in a co_await expression; name leaf operations as locals and await a reference.
#pragma once
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <new>
#include <utility>

#include "core/base/arena.h"

namespace sluice::loop {

// Called when a task that was started with start() is done. May destroy the task.
struct Completion {
  void (*fn)(Completion&) noexcept = nullptr;
  void* context = nullptr;
  template <class T>
  T& owner() const {
    return *static_cast<T*>(context);
  }
};

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;
  Completion* completion = nullptr;

  // The first parameter of every coroutine (or *this of a member) gives the arena: it has `Arena& arena()`.
  template <class First, class... Rest>
  static void* operator new(size_t size, First& first, Rest&...) {
    return first.arena().alloc(size);
  }
  static void operator delete(void*, size_t) {}

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
      PromiseBase& p = self.promise();
      if (p.completion) {
        Completion* c = p.completion;
        c->fn(*c);  // may destroy this frame: touch nothing afterwards
        return std::noop_coroutine();
      }
      return p.continuation ? p.continuation : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { std::terminate(); }  // nothing on the request path throws
};

template <class T>
struct Promise : PromiseBase {
  T value{};
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& v) {
    value = std::forward<U>(v);
  }
};
template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle h) : handle_{h} {}
  Task(Task&& other) noexcept : handle_{std::exchange(other.handle_, {})} {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      cancel();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { cancel(); }

  explicit operator bool() const { return static_cast<bool>(handle_); }
  bool done() const { return handle_ && handle_.done(); }
  // Destroys the frame and everything it awaits. Not from inside the task itself, unless it is done.
  void cancel() {
    if (handle_) std::exchange(handle_, {}).destroy();
  }
  // Runs the task from code that is no coroutine. `completion` outlives the task.
  void start(Completion& completion) {
    handle_.promise().completion = &completion;
    handle_.resume();
  }
  auto& result() requires(!std::is_void_v<T>) { return handle_.promise().value; }

  struct Awaiter {
    Handle handle;
    bool await_ready() { return handle.done(); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
      handle.promise().continuation = awaiting;
      return handle;
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) return std::move(handle.promise().value);
    }
  };
  Awaiter operator co_await() & { return {handle_}; }
  Awaiter operator co_await() && { return {handle_}; }  // the temporary lives until the full expression ends

 private:
  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>{std::coroutine_handle<Promise>::from_promise(*this)};
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>{std::coroutine_handle<Promise>::from_promise(*this)};
}

// A one-shot, re-usable wake-up between a callback and one coroutine. Lives as long as both need it; destroying the
// waiting coroutine first is fine when the signal's owner forgets the handle (forget()).
class Signal {
 public:
  // Wakes the waiter inside this call, or lets the next wait() pass at once.
  void set() {
    if (waiter_)
      std::exchange(waiter_, {}).resume();
    else
      set_ = true;
  }
  bool waiting() const { return static_cast<bool>(waiter_); }
  void forget() { waiter_ = {}; }
  struct Wait {
    Signal* signal;
    bool await_ready() { return std::exchange(signal->set_, false); }
    void await_suspend(std::coroutine_handle<> h) { signal->waiter_ = h; }
    void await_resume() {}
  };
  Wait wait() { return {this}; }

 private:
  std::coroutine_handle<> waiter_;
  bool set_ = false;
};

}  // namespace sluice::loop
