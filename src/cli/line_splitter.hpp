// Bytes in, lines out, whatever pieces they come in; bounded. Must not know where they come from.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace logboom::cli {

/// Gives each line without its end ("\n" or "\r\n") to `take`. A line longer than `bound` bytes is given cut, with `…[cut N bytes]` at its end.
class LineSplitter {
 public:
  static constexpr std::size_t kBound = 60'000;  // leaves room in a record of 64 KiB for the rest of it

  explicit LineSplitter(std::function<void(std::string_view)> take, std::size_t bound = kBound)
      : take_(std::move(take)), bound_(bound) {}

  void add(std::string_view bytes);
  /// What is left without a line end is a line too.
  void finish();

 private:
  void append(std::string_view part);
  void end_line();

  std::function<void(std::string_view)> take_;
  std::size_t bound_;
  std::string line_;
  std::size_t cut_ = 0;  // bytes beyond the bound
};

}  // namespace logboom::cli
