// The rows that stand in a database's pages, found without SQLite and without the tree that leads to them: so that a damaged page costs what stands in it and nothing else.
// Must not know which tables there are.
#pragma once

#include "store/database_pages.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace logboom::store {

struct Cell {
  enum class Type { kNull, kInteger, kText, kBlob };
  Type type = Type::kNull;
  std::int64_t integer = 0;
  std::string_view bytes;  // of a text or blob
};

/// Borrowed for the time of the call.
struct PageRow {
  std::uint32_t page = 0;
  std::optional<std::int64_t> rowid;  // none: of a table without, or of an index
  std::span<Cell const> cells;
  bool guessed = false;  // no page says that it is a row: to be believed for its own checksum only
};

/// What is known of a page that does not read as one.
struct PageFault {
  std::uint32_t page = 0;
  std::string_view what;
};

/// For one thread.
class PageRows {
 public:
  /// @return whether the row can be believed.
  using Visit = std::function<bool(PageRow const&)>;
  using Fault = std::function<void(PageFault const&)>;

  explicit PageRows(DatabasePages& pages) : pages_(pages), page_(pages.page_size()) {}

  /// The rows that pages of rows lead to.
  void scan(Visit const& visit, Fault const& fault);

  /// What could be a row in any byte of any page, whatever the page says of itself, but for those of rows that it leads to and `known` believes. So rows are found that a page has lost, and
  /// such as were there once: removed, or moved to another page.
  void search(Visit const& known, Visit const& visit);

 private:
  enum class Kind { kTableLeaf, kIndexLeaf, kIndexInterior };
  struct Found {
    PageRow row;
    std::size_t begin = 0, end = 0;  // in the page
  };

  void scan_page(std::uint32_t number, Visit const& visit, Fault const& fault);
  void search_page(std::uint32_t number, Visit const& known, Visit const& visit);
  std::optional<Kind> kind_of(std::uint32_t number) const noexcept;
  /// Calls `use` with each row, where there is one; else with nothing. @return false: it has more than can be there
  bool for_each_row(std::uint32_t number, Kind kind,
                    std::function<void(std::optional<Found> const&)> const& use);
  static bool may_begin_a_row(std::span<std::byte const> local, Kind kind) noexcept;
  std::optional<Found> row_at(std::size_t at, Kind kind, bool guessing = false);
  bool gather(std::span<std::byte const> local, std::uint64_t size, std::uint32_t next);
  bool decode(std::span<std::byte const> payload);

  DatabasePages& pages_;
  std::vector<std::byte> page_, overflow_page_, payload_;
  std::vector<bool> taken_;  // bytes of the page
  std::vector<Cell> cells_;
};

}  // namespace logboom::store
