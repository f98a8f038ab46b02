// Which piece of which file each piece of a rendered text came from. Immutable once rendered.
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/template/syntax_tree.h"
#include "core/config/template/value.h"

namespace sluice::config::tmpl {

// Line and column from 1; columns count characters, as editors do.
struct LineColumn {
  size_t line = 1, column = 1;
};
LineColumn line_column(std::string_view text, size_t offset);

// Where a byte of the result came from.
struct Place {
  const File* file = nullptr;  // template or partial; nullptr: unknown
  size_t offset = 0;           // there
  const File* caller = nullptr;  // of the {{template}} that brought it in; nullptr: the file is the configuration itself
  size_t caller_offset = 0;
  std::vector<const Origin*> origins;  // values that the action read
};

class SourceMap {
 public:
  // What follows is text of `file` from `offset` on.
  void text(size_t output, const File* file, size_t offset) { add(output, file, offset, true); }
  // What follows was made by the action there.
  void value(size_t output, const File* file, size_t offset, const std::vector<const Origin*>& origins);
  // Segments from now on are of a template that was called there. enter() returns what leave() wants.
  uint32_t enter(const File* file, size_t offset);
  void leave(uint32_t before) { frame_ = before; }

  Place at(size_t output) const;
  // Beginnings of the segments in the result that lie in [from, to).
  std::vector<size_t> segments_in(size_t from, size_t to) const;
  size_t size() const { return segments_.size(); }

 private:
  struct Segment {
    size_t output, offset;
    const File* file;
    uint32_t frame, first_origin, origins;
    bool linear;
  };
  struct Frame {
    const File* file;
    size_t offset;
    uint32_t parent;
  };
  void add(size_t output, const File* file, size_t offset, bool linear) {
    segments_.push_back({output, offset, file, frame_, 0, 0, linear});
  }

  std::vector<Segment> segments_;
  std::vector<Frame> frames_{{nullptr, 0, 0}};  // 0: the configuration itself
  std::vector<const Origin*> origins_;
  uint32_t frame_ = 0;
};

// A rendered text with everything that its map points to.
struct Rendered {
  std::deque<File> files;  // templates, partials and settings that were read
  Heap heap;
  SourceMap map;
  std::string text;
};

}  // namespace sluice::config::tmpl
