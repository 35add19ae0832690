// What the frames of a transaction in a write-ahead log say about one among them whose own header is in doubt. Must not know files, nor what is in pages.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace logboom::store {

struct LogHeader {
  std::uint32_t page = 0;
  std::uint32_t commit = 0;  // pages of the database, where a transaction ends; else 0
};

/// The transaction without the frame in question. SQLite writes the pages of one in ascending order (unless it holds more than the cache does), and all pages by which the database grows.
class LogTransaction {
 public:
  struct Frames {
    std::optional<std::uint32_t> size_before;   // pages of the database before it; none: not known
    std::optional<std::uint32_t> size_later;    // after the transaction behind it
    std::vector<std::uint32_t> before, behind;  // pages of the frames there, in the order of the log
    std::uint32_t commit =
        0;  // of the frame that ends it, where that is another one; 0: it is this one, or there is none
  };

  explicit LogTransaction(Frames frames);

  /// Which commit it has follows from its pages.
  bool knows_size() const noexcept { return frames_.size_before.has_value(); }
  bool allows(LogHeader const& header) const noexcept;
  /// The database grew by this page, and no other frame has it.
  bool needs(LogHeader const& header) const noexcept;

 private:
  bool allows_commit(LogHeader const& header) const noexcept;
  bool in_order(std::uint32_t page) const noexcept;
  std::uint32_t size_after(LogHeader const& header) const noexcept;

  Frames const frames_;
  bool ascending_ = false;
  std::uint32_t highest_before_ = 0;  // of the frames before it, and of the database before them
};

}  // namespace logboom::store
