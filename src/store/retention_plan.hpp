// When a store begins a new file, and which of the old ones go. Pure: no clock, no file.
#pragma once

#include <logboom/retention.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::store {

struct RetentionMistake {
  char const* option;  // its name: "keep"
  std::string text;    // option, value, reason and mend
};
/// All of them. @param database path of the store; "": none
std::vector<RetentionMistake> retention_mistakes(RetentionOptions const& options, std::string_view database);
/// @throws std::invalid_argument: the first of them, of a store that there is
void check_retention(RetentionOptions const& options);

class RetentionPlan {
 public:
  /// @throws as check_retention()
  explicit RetentionPlan(RetentionOptions const& options);

  RetentionOptions const& options() const noexcept { return options_; }
  std::uint64_t file_size() const noexcept { return file_size_; }     // 0: any
  std::int64_t file_period() const noexcept { return file_period_; }  // seconds; 0: any

  /// A file that was begun at `begun` and grew by `grown` bytes has had its time. Times in seconds since the epoch.
  bool full(std::int64_t begun, std::int64_t grown, std::int64_t now) const noexcept;

  struct File {
    std::int64_t ended = 0;  // seconds: when the next one was begun
    std::uint64_t bytes = 0;
  };
  /// Of the closed files, the oldest first, how many have to go. For want of room the newest never does. @param others bytes of the store's that are in none of them.
  std::size_t to_remove(std::span<File const> closed, std::uint64_t others, std::int64_t now) const noexcept;

 private:
  RetentionOptions options_;
  std::uint64_t file_size_;
  std::int64_t file_period_;
};

}  // namespace logboom::store
