// Records rendered as text, on their way into a log file. Knows where each ends, so that none is torn. Must not know files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::sinks {

/// Records in order. A record may have several lines; its last byte is the newline that ends it.
class LogChunk {
 public:
  /// To append the text of one record to; end_record() then says that it is complete.
  std::string& text() noexcept { return text_; }
  void end_record() { ends_.push_back(text_.size()); }
  void add(std::string_view record) {
    text_ += record;
    end_record();
  }

  std::size_t records() const noexcept { return ends_.size(); }
  bool empty() const noexcept { return ends_.empty(); }
  /// Bytes of the complete records.
  std::size_t size() const noexcept { return empty() ? 0 : ends_.back(); }
  /// Where record `i` ends: its first byte is the end of the one before.
  std::size_t end_of(std::size_t i) const noexcept { return ends_[i]; }
  std::string_view bytes(std::size_t from, std::size_t to) const noexcept {
    return std::string_view(text_).substr(from, to - from);
  }

  /// Takes the first `count` records out.
  void drop(std::size_t count) {
    if (count == 0) return;
    auto const gone = ends_[count - 1];
    text_.erase(0, gone);
    ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(count));
    for (auto& end : ends_) end -= gone;
  }
  /// Keeps the memory.
  void clear() noexcept {
    text_.clear();
    ends_.clear();
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

}  // namespace logboom::sinks
