#include "store/store_reader.hpp"

#include "store/read_connection.hpp"
#include "store/record_rows.hpp"
#include "store/scoped_reset.hpp"
#include "store/selection.hpp"
#include "store/store_error.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace logboom::store {
namespace {

constexpr std::size_t kPageRecords = 256;
constexpr std::size_t kPageBytes = 1U << 20U;
constexpr std::int64_t kRowsAtOnce =
    4'096;  // looked at in one read transaction, whether or not they pass: milliseconds
constexpr int kStepsBetweenQuestions = 10'000;  // of SQLite's machine: about a millisecond

/// Records read in one go and visited after the statement is reset.
class Page {
 public:
  void add(Record record) {
    bytes_ += record.message.size() + record.exception.size() + record.stack.size();
    records_.push_back(std::move(record));
  }
  bool full() const noexcept { return records_.size() >= kPageRecords || bytes_ >= kPageBytes; }
  /// False once `visit` returned false. Empties the page.
  bool visit(StoreReader::Visit const& visit) {
    bytes_ = 0;
    std::vector<Record> const records = std::exchange(records_, {});
    return std::all_of(records.begin(), records.end(), visit);
  }

 private:
  std::vector<Record> records_;
  std::size_t bytes_ = 0;
};

}  // namespace

struct StoreReader::Impl {
  explicit Impl(std::string const& file)
      : path(file),
        db(open_for_reading(file)),
        rows(db),
        find(db, fmt::format("SELECT {} FROM record r WHERE r.id = ?", kRecordColumns)),
        find_last(db, "SELECT ifnull(max(id), 0) FROM record") {}

  std::int64_t last_id();
  std::optional<Record> fetch(std::int64_t id);
  void walk(Selection const& selection, Visit const& visit);
  std::vector<std::int64_t> newest(Selection const& selection, std::size_t count);
  void visit_ids(std::vector<std::int64_t> const& ascending, Visit const& visit);
  void query(Query const& query, Visit const& visit);
  void fill(SQLite::Statement& select, Selection const& selection, std::int64_t& after, Page& page);

  std::string path;
  std::function<bool()> stop;
  SQLite::Database db;
  RecordRows rows;
  SQLite::Statement find;
  SQLite::Statement find_last;
};

namespace {

/// Runs `work`, which reads `path`.
template <class Work>
auto reading(std::string const& path, Work const& work) {
  try {
    return work();
  } catch (SQLite::Exception const& cause) {
    throw store_error(path, "read", cause);
  }
}

}  // namespace

std::int64_t StoreReader::Impl::last_id() {
  ScopedReset const reset(find_last);
  find_last.executeStep();
  return find_last.getColumn(0).getInt64();
}

std::optional<Record> StoreReader::Impl::fetch(std::int64_t id) {
  ScopedReset const reset(find);
  find.bind(1, id);
  if (!find.executeStep()) return std::nullopt;
  return rows.read(find);
}

/// Reads on from `after` up_to the page is full or enough rows were looked at. Ids have no holes, so that a span of ids is as many rows.
void StoreReader::Impl::fill(SQLite::Statement& select, Selection const& selection, std::int64_t& after,
                             Page& page) {
  std::int64_t const up_to = std::min(selection.last(), after + kRowsAtOnce);
  ScopedReset const reset(select);
  selection.bind(select);
  select.bind(":after", after);
  select.bind(":up_to", up_to);
  while (select.executeStep()) {
    Record record = rows.read(select);
    after = record.id;
    if (selection.passes(record)) page.add(std::move(record));
    if (page.full()) return;
  }
  after = up_to;
}

// Rows are only ever added, with growing ids: reading up to an id that was committed at the start, page by page, shows one
// consistent state without one long read transaction, which would keep the writer's log from beginning anew.
void StoreReader::Impl::walk(Selection const& selection, Visit const& visit) {
  if (selection.nothing()) return;
  SQLite::Statement select(
      db, fmt::format("SELECT {} FROM record r WHERE r.id > :after AND r.id <= :up_to{} ORDER BY r.id",
                      kRecordColumns, selection.condition()));
  Page page;
  for (std::int64_t after = selection.first() - 1; after < selection.last();) {
    fill(select, selection, after, page);
    if (!page.visit(visit)) return;
  }
}

/// Ids of the newest `count` records that pass, ascending.
std::vector<std::int64_t> StoreReader::Impl::newest(Selection const& selection, std::size_t count) {
  std::vector<std::int64_t> ids;
  if (selection.nothing()) return ids;
  SQLite::Statement select(
      db, fmt::format("SELECT {} FROM record r WHERE r.id > :after AND r.id <= :up_to{} ORDER BY r.id DESC",
                      selection.exact() ? "r.id" : kRecordColumns, selection.condition()));
  std::int64_t up_to = selection.last();
  while (up_to >= selection.first() && ids.size() < count) {
    std::int64_t const after = std::max(selection.first() - 1, up_to - kRowsAtOnce);
    ScopedReset const reset(select);
    selection.bind(select);
    select.bind(":after", after);
    select.bind(":up_to", up_to);
    while (ids.size() < count && select.executeStep()) {
      if (selection.exact() || selection.passes(rows.read(select)))
        ids.push_back(select.getColumn(0).getInt64());
    }
    up_to = after;
  }
  std::reverse(ids.begin(), ids.end());
  return ids;
}

void StoreReader::Impl::visit_ids(std::vector<std::int64_t> const& ascending, Visit const& visit) {
  Page page;
  for (std::int64_t const id : ascending) {
    if (auto record = fetch(id)) page.add(std::move(*record));
    if (page.full() && !page.visit(visit)) return;
  }
  page.visit(visit);
}

void StoreReader::Impl::query(Query const& query, Visit const& visit) {
  std::int64_t last = last_id();
  if (query.up_to_id > 0) last = std::min(last, query.up_to_id);
  std::int64_t const first = std::max<std::int64_t>(query.after_id, 0) + 1;
  Selection const selection(db, query.filter, first, last);
  if (query.last == 0) {
    walk(selection, visit);
  } else {
    visit_ids(newest(selection, query.last), visit);
  }
}

void StoreReader::stop_when(std::function<bool()> stop) {
  impl_->stop = std::move(stop);
  sqlite3_progress_handler(
      impl_->db.getHandle(), kStepsBetweenQuestions,
      [](void* impl) { return static_cast<Impl*>(impl)->stop() ? 1 : 0; }, impl_.get());
}

StoreReader::StoreReader(std::string const& path)
    : impl_(reading(path, [&] { return std::make_unique<Impl>(path); })) {}
StoreReader::~StoreReader() = default;
StoreReader::StoreReader(StoreReader&&) noexcept = default;
StoreReader& StoreReader::operator=(StoreReader&&) noexcept = default;

std::int64_t StoreReader::last_id() const {
  return reading(impl_->path, [&] { return impl_->last_id(); });
}

std::optional<Record> StoreReader::fetch(std::int64_t id) const {
  return reading(impl_->path, [&] { return impl_->fetch(id); });
}

void StoreReader::range(std::int64_t first, std::int64_t last, Visit const& visit) const {
  reading(impl_->path, [&] {
    impl_->walk(Selection(impl_->db, {}, std::max<std::int64_t>(first, 1), std::min(last, impl_->last_id())),
                visit);
  });
}

void StoreReader::query(Query const& query, Visit const& visit) const {
  reading(impl_->path, [&] { impl_->query(query, visit); });
}

}  // namespace logboom::store

namespace logboom {

void query(std::string const& database, Query const& query, std::function<bool(Record const&)> const& visit) {
  store::StoreReader(database).query(query, visit);
}

}  // namespace logboom
