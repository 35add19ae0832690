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
  /// @return whether the row can be believed: of a page with one that cannot, every byte is tried as the beginning of a row.
  using Visit = std::function<bool(PageRow const&)>;
  using Fault = std::function<void(PageFault const&)>;

  explicit PageRows(DatabasePages& pages) : pages_(pages), page_(pages.page_size()) {}

  void scan(Visit const& visit, Fault const& fault);

 private:
  enum class Kind { kTableLeaf, kIndexLeaf, kIndexInterior };
  struct Found {
    PageRow row;
    std::size_t end = 0;  // in the page
  };

  void scan_page(std::uint32_t number, Visit const& visit, Fault const& fault);
  struct Outcome {
    bool readable = true, believed = true;  // all of it
  };
  Outcome visit_cells(std::uint32_t number, Kind kind, Visit const& visit);
  void try_everywhere(std::uint32_t number, Visit const& visit);
  static bool may_begin_a_row(std::span<std::byte const> local) noexcept;
  std::optional<Found> row_at(std::size_t at, Kind kind, bool guessing = false);
  bool gather(std::span<std::byte const> local, std::uint64_t size, std::uint32_t next);
  bool decode(std::span<std::byte const> payload);

  DatabasePages& pages_;
  std::vector<std::byte> page_, overflow_page_, payload_;
  std::vector<Cell> cells_;
};

}  // namespace logboom::store
