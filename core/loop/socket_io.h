// Reading and writing a libuv stream's socket with the calls for sockets. libuv reads and writes streams with read(2) and
// write(2), which go through the file layer first, and through glibc's points of cancellation, which cost something in a
// process with threads: 1 to 2 % of a small request (bench/run.py, noop-small). Everything else about a stream stays libuv's.
// All of it on the stream's loop.
#pragma once
#include <uv.h>

#include <cstddef>
#include <cstdint>

namespace sluice::loop {

// uv_try_write() with another system call: the number of bytes taken, UV_EAGAIN when writes are queued already or the socket
// takes nothing, or another libuv error. Few bytes in several pieces leave as one copy.
int try_send(uv_stream_t*, const uv_buf_t* bufs, unsigned count);

// Receives inside the callbacks of uv_read_start(): a buffer without length in the one that allocates makes libuv call the one
// that reads with UV_ENOBUFS (documented there) and read nothing itself. One for each stream.
class Receiver {
 public:
  // What the allocating callback gives libuv. `to` and `room` are the buffer; room > 0.
  uv_buf_t fill(uv_handle_t* stream, char* to, size_t room);
  // What the reading callback was told with `n`: bytes at the buffer's base, 0 for nothing, UV_EOF, or another error, after
  // which reading is stopped, as libuv does it.
  ssize_t took(uv_stream_t*, ssize_t n);

 private:
  int32_t size_ = 0;
  uint32_t room_ = 0;
  bool full_ = false;  // the last one filled its room: libuv reads the next ones itself, it goes on without a look at the loop
};

}  // namespace sluice::loop
