// A path with conversions of strftime: makes the name of a time, and tells which names it could have made, and in what order. Must not know files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::sinks {

/// Knows %Y %y %G %m %d %F %j %U %W %V %u %w %H %M %S and %%: all numbers of a fixed width, so that a name is taken apart again without doubt.
class PathPattern {
 public:
  /// Orders names by the time that they stand for: year, month or week, day, hour, minute, second; what a name does not tell is 0.
  using Order = std::array<int, 6>;

  /// @throws std::invalid_argument for an empty path, one that ends in a slash, or another conversion
  PathPattern(std::string path, bool utc);

  /// Without conversions it always makes the same.
  bool fixed() const noexcept { return fixed_; }
  /// Whether the directory's name has conversions.
  bool moves() const noexcept { return moves_; }
  /// Whether a later time never makes a name that comes earlier: whether the file's name tells the year, and nothing without what is above it.
  bool ordered() const noexcept;
  /// The path at `time`, in seconds since the Unix epoch.
  std::string at(std::int64_t time) const;
  /// Of a file's name without directory. @return nothing: it cannot have made that
  std::optional<Order> match(std::string_view name) const;

  /// A path as a pattern that makes nothing but it.
  static std::string literal(std::string_view path);

 private:
  struct Part {
    char conversion;  // 0: text
    std::string text;
  };

  void add(char conversion);
  void add_text(char c);

  std::string path_;
  bool utc_;
  bool fixed_ = true;
  bool moves_ = false;
  std::vector<Part> name_;  // the file's name, taken apart
};

}  // namespace logboom::sinks
