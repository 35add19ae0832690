#include "store/summaries.hpp"

#include "store/row_values.hpp"
#include "store/scoped_reset.hpp"

#include <algorithm>
#include <utility>

namespace logboom::store {
namespace {

void add_counts(SQLite::Statement& put, Rollup::Counts const& counts) {
  for (auto const& [key, n] : counts) {
    ScopedReset const reset(put);
    put.bind(1, key.first);
    put.bind(2, key.second);
    put.bind(3, n);
    put.exec();
  }
}

}  // namespace

void Summaries::Unwritten::clear() noexcept {
  counts.clear();
  spans.clear();
  records = 0;
}

Summaries::Summaries(SQLite::Database& db, std::int64_t first_id, std::int64_t last_id)
    : spans_(db, first_id, last_id),
      count_by_site_(db,
                     "INSERT INTO minute(minute, site_id, n) VALUES(?, ?, ?) "
                     "ON CONFLICT DO UPDATE SET n = n + excluded.n"),
      count_by_level_(db,
                      "INSERT INTO minute_level(minute, level, n) VALUES(?, ?, ?) "
                      "ON CONFLICT DO UPDATE SET n = n + excluded.n") {
  if (whole() && spans_.end() < last_id) find_owed(db);
}

void Summaries::find_owed(SQLite::Database& db) {
  SQLite::Statement select(db, "SELECT id, created, site_id, level FROM record WHERE id > ? ORDER BY id");
  select.bind(1, spans_.end());
  while (select.executeStep()) {
    auto const id = number_of(select, 0);
    auto const created = number_of(select, 1);
    owed_.counts.add(created, number_of(select, 2), number_of(select, 3));
    owed_.spans.push_back({id, id, created, created});
    ++owed_.records;
  }
}

void Summaries::add(Block const& block, std::span<std::int64_t const> sites, std::int64_t first_id) {
  if (block.entries.empty()) return;
  auto const [oldest, newest] =
      std::minmax_element(block.entries.begin(), block.entries.end(),
                          [](Entry const& a, Entry const& b) { return a.time < b.time; });
  auto const records = static_cast<std::int64_t>(block.entries.size());
  added_.counts.add(block, sites);
  added_.spans.push_back({first_id, first_id + records - 1, oldest->time, newest->time});
  added_.records += records;
}

void Summaries::write() {
  write(owed_);
  write(added_);
  spans_.write();
  next_.clear();
}

void Summaries::owe() {
  next_ = owed_;
  next_.counts.add(added_.counts);
  next_.spans.insert(next_.spans.end(), added_.spans.begin(), added_.spans.end());
  next_.records += added_.records;
}

void Summaries::write(Unwritten const& part) {
  for (TimeSpan const& records : part.spans) spans_.add(records);
  add_counts(count_by_site_, part.counts.by_site());
  add_counts(count_by_level_, part.counts.by_level());
}

void Summaries::committed() noexcept {
  std::swap(owed_, next_);
  added_.clear();
}

void Summaries::forget() noexcept {
  added_.clear();
  spans_.forget();
}

}  // namespace logboom::store
