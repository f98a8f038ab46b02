#include "core/plugin/isolate/ring.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace sluice::plugin::isolate {

void ring_bell(int fd) {
  // A full counter means that the other side has been told often enough.
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = ::write(fd, &one, sizeof one);
}

void silence_bell(int fd) {
  uint64_t count;
  [[maybe_unused]] ssize_t n = ::read(fd, &count, sizeof count);
}

uint64_t RingWriter::taken() {
  uint64_t tail = state_->tail.load(std::memory_order_seq_cst);
  if (tail < tail_ || tail > head_)
    broken_ = true;
  else
    tail_ = tail;
  return tail_;
}

// The order of the stores below is what keeps both sides from sleeping at once: a writer publishes its bytes and then looks
// whether the reader sleeps; a reader says that it sleeps and then looks for bytes. All four are sequentially consistent.
size_t RingWriter::write(std::string_view text) {
  size_t done = 0;
  for (int round = 0; round < 2 && done < text.size() && !broken_; ++round) {
    size_t room = capacity_ - static_cast<size_t>(head_ - taken());
    if (broken_) break;
    size_t n = std::min(room, text.size() - done), at = static_cast<size_t>(head_) & (capacity_ - 1);
    size_t first = std::min(n, capacity_ - at);
    if (n) {
      std::memcpy(bytes_ + at, text.data() + done, first);
      std::memcpy(bytes_, text.data() + done + first, n - first);
      done += n, head_ += n;
      state_->head.store(head_, std::memory_order_seq_cst);
    }
    // Once more after saying so: the reader may have made room in between, and will not ring then.
    if (done < text.size()) state_->writer_waits.store(1, std::memory_order_seq_cst);
  }
  if (done && state_->reader_sleeps.load(std::memory_order_seq_cst) && state_->reader_sleeps.exchange(0)) ring_bell(bell_);
  return done;
}

size_t RingReader::available() {
  uint64_t head = state_->head.load(std::memory_order_seq_cst);
  if (head < tail_ || head - tail_ > capacity_) {
    broken_ = true;
    return 0;
  }
  return static_cast<size_t>(head - tail_);
}

size_t RingReader::read(char* out, size_t most) {
  size_t n = broken_ ? 0 : std::min(available(), most);
  if (!n) return 0;
  size_t at = static_cast<size_t>(tail_) & (capacity_ - 1), first = std::min(n, capacity_ - at);
  std::memcpy(out, bytes_ + at, first);
  std::memcpy(out + first, bytes_, n - first);
  tail_ += n;
  state_->tail.store(tail_, std::memory_order_seq_cst);
  if (state_->writer_waits.load(std::memory_order_seq_cst) && state_->writer_waits.exchange(0)) ring_bell(bell_);
  return n;
}

bool RingReader::sleep() {
  state_->reader_sleeps.store(1, std::memory_order_seq_cst);
  if (available() == 0) return true;  // broken counts as nothing to read
  state_->reader_sleeps.store(0, std::memory_order_seq_cst);
  return false;
}

uint64_t FrameWriter::send(std::string& frame) {
  auto size = static_cast<uint32_t>(frame.size() - sizeof(uint32_t));
  std::memcpy(frame.data(), &size, sizeof size);
  uint64_t end = ring_.written() + kept() + frame.size();
  if (kept()) {
    kept_ += frame;
    flush();
  } else if (size_t n = ring_.write(frame); n < frame.size()) {
    kept_.assign(frame, n);
    sent_ = 0;
  }
  return end;
}

void FrameWriter::flush() {
  if (!kept()) return;
  sent_ += ring_.write(std::string_view{kept_}.substr(sent_));
  if (sent_ == kept_.size()) {
    kept_.clear();
    if (kept_.capacity() > size_t{4} << 20) kept_.shrink_to_fit();
    sent_ = 0;
  }
}

bool FrameReader::next(std::string_view* frame) {
  if (broken()) return false;
  if (!in_frame_) {
    have_ += ring_.read(length_ + have_, sizeof length_ - have_);
    if (have_ < sizeof length_) return false;
    std::memcpy(&size_, length_, sizeof size_);
    if (size_ == 0 || size_ > kMostFrame) {
      broken_ = true;
      return false;
    }
    in_frame_ = true, have_ = 0;
    if (frame_.capacity() > size_t{4} << 20 && size_ < size_t{1} << 20) std::string{}.swap(frame_);
    frame_.clear();
  }
  // In steps: a length that is a lie must not make us reserve what never comes.
  while (have_ < size_) {
    constexpr size_t kStep = size_t{256} << 10;
    size_t want = std::min<size_t>(size_ - have_, kStep);
    frame_.resize(have_ + want);
    size_t n = ring_.read(frame_.data() + have_, want);
    have_ += n;
    if (n == 0) {
      frame_.resize(have_);
      return false;
    }
  }
  frame_.resize(size_);
  in_frame_ = false, have_ = 0;
  *frame = frame_;
  return true;
}

}  // namespace sluice::plugin::isolate
