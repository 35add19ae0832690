#include "store/lost_records.hpp"

#include "store/file_facts.hpp"
#include "store/missing_text.hpp"
#include "store/row_check.hpp"
#include "store/scoped_reset.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <algorithm>
#include <chrono>
#include <string_view>

namespace logboom::store {
namespace {

constexpr std::string_view kReason = "damaged in the store";

struct Hole {
  std::int64_t publisher = 0, stream = 0, first = 0, last = 0;
};

std::uint64_t lost_between(LostRecords const& lost, std::int64_t before, std::int64_t after) {
  std::uint64_t count = 0;
  auto at = std::lower_bound(lost.ids.begin(), lost.ids.end(), before,
                             [](LostRecords::Ids const& ids, std::int64_t id) { return ids.last <= id; });
  for (; at != lost.ids.end() && at->first < after; ++at)
    count += static_cast<std::uint64_t>(std::min(at->last, after - 1) - std::max(at->first, before + 1) + 1);
  return count;
}

/// Of each stream: numbers that are missing between two that are there.
std::vector<Hole> inner_holes(SQLite::Database& db, LostRecords const& lost) {
  std::vector<Hole> holes;
  SQLite::Statement select(
      db,
      "SELECT publisher_id, stream, sequence, after, id, id_after FROM (SELECT s.publisher_id, s.stream, "
      "r.sequence, r.id, lead(r.sequence) OVER w AS after, lead(r.id) OVER w AS id_after FROM record r JOIN "
      "source s ON s.id = r.source_id WHERE r.sequence IS NOT NULL AND s.publisher_id <> 0 "
      "WINDOW w AS (PARTITION BY s.publisher_id, s.stream ORDER BY r.sequence)) WHERE after > sequence + 1");
  while (select.executeStep()) {
    Hole const hole{select.getColumn(0).getInt64(), select.getColumn(1).getInt64(),
                    select.getColumn(2).getInt64() + 1, select.getColumn(3).getInt64() - 1};
    auto const size = static_cast<std::uint64_t>(hole.last - hole.first + 1);
    if (size <= lost_between(lost, select.getColumn(4).getInt64(), select.getColumn(5).getInt64()))
      holes.push_back(hole);
  }
  return holes;
}

/// At the end of each stream, as the ledger has it; and at its beginning, where so much is lost before it.
std::vector<Hole> outer_holes(SQLite::Database& db, LostRecords const& lost, bool and_ends) {
  std::vector<Hole> holes;
  auto const first_id = first_id_of(db);
  auto const last_id = db.execAndGet("SELECT ifnull(max(id), 0) FROM record").getInt64();
  SQLite::Statement select(
      db,
      "SELECT l.publisher_id, l.stream, l.last, t.lowest, t.highest, t.first_id, t.last_id FROM ledger l "
      "LEFT JOIN (SELECT s.publisher_id, s.stream, min(r.sequence) AS lowest, max(r.sequence) AS highest, "
      "min(r.id) AS first_id, max(r.id) AS last_id FROM record r JOIN source s ON s.id = r.source_id "
      "WHERE r.sequence IS NOT NULL GROUP BY 1, 2) t ON t.publisher_id = l.publisher_id AND t.stream = "
      "l.stream");
  while (select.executeStep()) {
    if (select.getColumn(3).isNull()) continue;  // its records may be in files before this one
    Hole hole{select.getColumn(0).getInt64(), select.getColumn(1).getInt64(), 1,
              select.getColumn(3).getInt64() - 1};
    auto const before = lost_between(lost, first_id - 1, select.getColumn(5).getInt64());
    if (hole.last >= hole.first && static_cast<std::uint64_t>(hole.last) <= before) holes.push_back(hole);
    hole.first = select.getColumn(4).getInt64() + 1;
    hole.last = select.getColumn(2).getInt64();
    if (hole.last < hole.first) continue;
    auto const behind = lost_between(lost, select.getColumn(6).getInt64(), last_id);
    if (and_ends || static_cast<std::uint64_t>(hole.last - hole.first + 1) <= behind) holes.push_back(hole);
  }
  return holes;
}

/// What is known to be missing already, whether declared or not.
std::vector<Hole> known(SQLite::Database& db, Hole const& hole) {
  std::vector<Hole> ranges;
  SQLite::Statement gaps(db,
                         "SELECT first, last FROM gap WHERE publisher_id = ? AND stream = ? AND first <= ? "
                         "AND last >= ?");
  gaps.bind(1, hole.publisher);
  gaps.bind(2, hole.stream);
  gaps.bind(3, hole.last);
  gaps.bind(4, hole.first);
  while (gaps.executeStep())
    ranges.push_back({hole.publisher, hole.stream, gaps.getColumn(0).getInt64(), gaps.getColumn(1).getInt64()});
  SQLite::Statement ledger(db, "SELECT missing FROM ledger WHERE publisher_id = ? AND stream = ?");
  ledger.bind(1, hole.publisher);
  ledger.bind(2, hole.stream);
  if (ledger.executeStep()) {
    for (auto const& range : read_missing(ledger.getColumn(0).getString()))
      ranges.push_back({hole.publisher, hole.stream, static_cast<std::int64_t>(range.first),
                        static_cast<std::int64_t>(range.last)});
  }
  std::sort(ranges.begin(), ranges.end(), [](Hole const& a, Hole const& b) { return a.first < b.first; });
  return ranges;
}

std::vector<Hole> without_known(SQLite::Database& db, Hole hole) {
  std::vector<Hole> rest;
  for (Hole const& range : known(db, hole)) {
    if (range.first > hole.first) rest.push_back({hole.publisher, hole.stream, hole.first, range.first - 1});
    hole.first = std::max(hole.first, range.last + 1);
  }
  if (hole.first <= hole.last) rest.push_back(hole);
  return rest;
}

}  // namespace

LostRecords find_lost(SQLite::Database& db) {
  LostRecords lost;
  auto expected = first_id_of(db);
  SQLite::Statement select(db, "SELECT id FROM record ORDER BY id");
  while (select.executeStep()) {
    auto const id = select.getColumn(0).getInt64();
    if (id > expected) {
      lost.ids.push_back({expected, id - 1});
      lost.records += static_cast<std::uint64_t>(id - expected);
    }
    expected = std::max(expected, id + 1);
  }
  return lost;
}

std::uint64_t declare_lost(SQLite::Database& db, LostRecords const& lost, bool and_ends) {
  if (lost.ids.empty() && !and_ends) return 0;
  auto const now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  auto holes = inner_holes(db, lost);
  auto const outer = outer_holes(db, lost, and_ends);
  holes.insert(holes.end(), outer.begin(), outer.end());
  SQLite::Statement add(
      db,
      "INSERT INTO gap(publisher_id, stream, first, last, created, reason, checksum) VALUES(?, ?, ?, ?, ?, "
      "?, ?)");
  std::uint64_t declared = 0;
  for (Hole const& whole : holes) {
    for (Hole const& hole : without_known(db, whole)) {
      ScopedReset const reset(add);
      add.bind(1, hole.publisher);
      add.bind(2, hole.stream);
      add.bind(3, hole.first);
      add.bind(4, hole.last);
      add.bind(5, std::int64_t{now});
      add.bind(6, std::string(kReason));
      add.bind(7, gap_checksum(hole.publisher, hole.stream, hole.first, hole.last, now, kReason));
      add.exec();
      declared += static_cast<std::uint64_t>(hole.last - hole.first + 1);
    }
  }
  return declared;
}

}  // namespace logboom::store
