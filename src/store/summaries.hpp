// What the records come to: counts by minute, and which times some thousand of them have (the tables `minute`, `minute_level` and `span`). A transaction of one record changes as many
// pages there as one of thousands, so that small ones leave it to a later one; who opens the file finds in the records what the one before still owed.
// Must not know how transactions begin and end.
#pragma once

#include "record/block.hpp"
#include "store/rollup.hpp"
#include "store/span_table.hpp"
#include "store/time_span.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <span>
#include <vector>

namespace logboom::store {

/// Within its owner's transactions, for one thread. Readers see the tables behind the records by kMostOwed at most.
class Summaries {
 public:
  static constexpr std::int64_t kMostOwed = SpanTable::kMostBehind;

  /// @throws SQLite::Exception, as all of it but committed() and forget()
  Summaries(SQLite::Database& db, std::int64_t first_id, std::int64_t last_id);

  /// The end of `span` is not damaged. Else nothing is added to that table, and all else is to be written with each transaction: nobody could tell what is owed.
  bool whole() const noexcept { return spans_.whole(); }
  /// So many records the tables do not know, of transactions before this one.
  std::int64_t owed() const noexcept { return owed_.records; }

  /// Records of the transaction under way, in the order of their ids. `sites`: the store's ids of the block's sites.
  void add(Block const& block, std::span<std::int64_t const> sites, std::int64_t first_id);
  /// Before the commit, one of the two: writes what was added, and what is owed.
  void write();
  /// Leaves what was added to a later transaction.
  void owe();
  void committed() noexcept;
  /// After a rollback: what was added is no more.
  void forget() noexcept;

 private:
  struct Unwritten {
    Rollup counts;
    std::vector<TimeSpan> spans;
    std::int64_t records = 0;

    void clear() noexcept;
  };

  void find_owed(SQLite::Database& db);
  void write(Unwritten const& part);

  SpanTable spans_;
  SQLite::Statement count_by_site_, count_by_level_;
  Unwritten owed_, added_;
  Unwritten next_;  // what is owed after the commit: nothing that may fail is left to be done then
};

}  // namespace logboom::store
