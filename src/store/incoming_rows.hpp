// What one transaction inserts, shown to SQLite as the table-valued `incoming`, so that a single INSERT … SELECT takes all of it:
// nearly twice the rate of binding row by row. Must not know the ledger or the file.
#pragma once

#include "record/block.hpp"

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <string>
#include <vector>

namespace logboom::store {

/// The rows that `incoming` has now. Must stay at its address for as long as the connection lives.
struct IncomingRows {
  /// A block with the store's ids of its sites and sources.
  struct Part {
    Block const* block = nullptr;
    std::vector<std::int64_t> sites;
    std::vector<std::int64_t> sources;
    bool rare = false;  // one of its entries has something in a column that most have nothing in
  };
  std::vector<Part> parts;
  std::size_t begin = 0, end = 0;  // which of the parts are shown
  std::int64_t first_id = 1;       // of the first row shown; the others count on from it

  /// Shows the next parts that are alike in `rare`, from `end` on. @return false when there is none
  bool show_next() noexcept;
};

/// Whether the entry has an exception, a stack, a task or other attributes.
bool is_rare(Entry const& entry) noexcept;

/// Declares the virtual table `incoming` on this connection. @throws SQLite::Exception
void declare_incoming(SQLite::Database& db, IncomingRows const& rows);

/// The statement that moves all rows of `incoming` to `record`, numbering them from max(id) + 1 on.
extern char const* const kInsertIncoming;

/// The same for parts that are not rare: an eighth less to do.
extern char const* const kInsertCommonIncoming;

/// The same, numbering them as they are in `incoming`: a quarter slower, for the first rows of a file only.
extern char const* const kInsertFirstIncoming;

}  // namespace logboom::store
