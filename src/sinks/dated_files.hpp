// Files rotated by time, or by size under a name that has a time in it: NAME, NAME.1, NAME.2 … of one time. Must not know what is in them, nor when they are rotated.
#pragma once

#include "sinks/path_pattern.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace logboom::sinks {

/// Functions that take a current file: if its name is one of the pattern's, then it is the latest of its time, and neither it nor those of later times are rotated files.
class DatedFiles {
 public:
  /// @param pattern names of rotated files; @param keep at most so many, 0: all
  DatedFiles(PathPattern pattern, std::uint32_t keep);

  /// What the current file becomes when it is rotated, of the time in seconds: a name that is free, and later than those of that time. @throws LogFileError
  std::string free_name(std::int64_t time, std::string const& current) const;
  /// Unlinks the oldest of those that are more than `keep`. @throws LogFileError
  void prune(std::string const& current) const;
  /// Those that are not compressed, the oldest first. @throws LogFileError
  std::vector<std::string> uncompressed(std::string const& current) const;
  /// What a compression left that did not come to its end. @throws LogFileError
  std::vector<std::string> unfinished(std::string const& current) const;

 private:
  struct Entry {
    PathPattern::Order order{};
    std::string base;         // what the pattern made
    unsigned number = 0;      // 0: none
    std::string_view suffix;  // of a compression

    std::string name() const;
    bool same_file(Entry const& other) const { return base == other.base && number == other.number; }
  };

  bool parse(std::string_view name, Entry& entry) const;
  std::vector<Entry> rotated(std::string const& current) const;

  PathPattern pattern_;
  std::uint32_t keep_;
};

}  // namespace logboom::sinks
