// Files rotated by size alone: PATH.1 is the newest. Must not know what is in them, nor when they are rotated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace logboom::sinks {

class NumberedFiles {
 public:
  /// @param keep at most so many, 0: all. What has a higher number is not touched.
  NumberedFiles(std::string path, std::uint32_t keep);

  /// Moves them up by one, as far as there is no gap, and unlinks the last if there is none. Ended anywhere it leaves a gap, which the next call fills.
  /// @return PATH.1, which is free now. @throws LogFileError
  std::string make_room() const;
  /// Those that are not compressed, the oldest first. @throws LogFileError
  std::vector<std::string> uncompressed() const;
  /// What a compression left that did not come to its end. @throws LogFileError
  std::vector<std::string> unfinished() const;

 private:
  std::string name(std::uint32_t number) const;
  bool taken(std::uint32_t number) const;
  std::uint32_t first_gap() const;

  std::string path_;
  std::uint32_t keep_;
};

}  // namespace logboom::sinks
