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

/// Rows are only ever added, with growing ids and no holes: a span of ids is as many rows, and what is read up to an id that was committed at the start is one
/// consistent state. So it is read in short transactions: a long one would keep the writer's log from beginning anew.
struct StoreReader::Search::State {
  State(Impl& reader, Selection selected, std::size_t newest);

  bool step(Visit const& visit);
  bool walk(Visit const& visit);
  void find_newest();
  bool show_found(Visit const& visit);

  Impl& reader;
  Selection const selection;
  std::optional<SQLite::Statement> select;
  std::int64_t after;               // walk: everything up to it was visited
  std::int64_t up_to;               // find_newest: everything after it was looked at
  std::size_t const wanted;         // the newest so many; 0: all
  bool searching;                   // for them
  std::vector<std::int64_t> found;  // of those, the newest first; visited from its end
};

StoreReader::Search::State::State(Impl& from, Selection selected, std::size_t newest)
    : reader(from),
      selection(std::move(selected)),
      after(selection.first() - 1),
      up_to(selection.last()),
      wanted(newest),
      searching(newest > 0) {
  if (selection.nothing()) return;
  select.emplace(
      reader.db,
      fmt::format("SELECT {} FROM record r WHERE r.id > :after AND r.id <= :up_to{} ORDER BY r.id{}",
                  wanted > 0 && selection.exact() ? "r.id" : kRecordColumns, selection.condition(),
                  wanted > 0 ? " DESC" : ""));
}

bool StoreReader::Search::State::step(Visit const& visit) {
  if (!select) return false;
  if (wanted == 0) return walk(visit);
  if (!searching) return show_found(visit);
  find_newest();
  return true;
}

bool StoreReader::Search::State::walk(Visit const& visit) {
  std::int64_t const until = std::min(selection.last(), after + kRowsAtOnce);
  std::int64_t reached = after;
  Page page;
  {
    ScopedReset const reset(*select);
    selection.bind(*select);
    select->bind(":after", after);
    select->bind(":up_to", until);
    while (!page.full() && select->executeStep()) {
      Record record = reader.rows.read(*select);
      reached = record.id;
      if (selection.passes(record)) page.add(std::move(record));
    }
  }
  after = page.full() ? reached : until;
  return page.visit(visit) && after < selection.last();
}

void StoreReader::Search::State::find_newest() {
  std::int64_t const from = std::max(selection.first() - 1, up_to - kRowsAtOnce);
  auto const before = found.size();
  ScopedReset const reset(*select);
  selection.bind(*select);
  select->bind(":after", from);
  select->bind(":up_to", up_to);
  try {
    while (found.size() < wanted && select->executeStep()) {
      if (selection.exact() || selection.passes(reader.rows.read(*select)))
        found.push_back(select->getColumn(0).getInt64());
    }
  } catch (...) {
    found.resize(before);
    throw;
  }
  up_to = from;
  searching = up_to >= selection.first() && found.size() < wanted;
}

bool StoreReader::Search::State::show_found(Visit const& visit) {
  Page page;
  while (!found.empty() && !page.full()) {
    if (auto record = reader.fetch(found.back())) page.add(std::move(*record));
    found.pop_back();
  }
  return page.visit(visit) && !found.empty();
}

StoreReader::Search::Search(std::unique_ptr<State> state) : state_(std::move(state)) {}
StoreReader::Search::Search(Search&&) noexcept = default;
StoreReader::Search& StoreReader::Search::operator=(Search&&) noexcept = default;
StoreReader::Search::~Search() = default;

bool StoreReader::Search::step(Visit const& visit) {
  return reading(state_->reader.path, [&] { return state_->step(visit); });
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
  Query all;
  all.after_id = std::max<std::int64_t>(first, 1) - 1;
  all.up_to_id = last;
  if (first <= last && last > 0) query(all, visit);
}

StoreReader::Search StoreReader::search(Query const& query) const {
  return reading(impl_->path, [&] {
    std::int64_t last = impl_->last_id();
    if (query.up_to_id > 0) last = std::min(last, query.up_to_id);
    std::int64_t const first = std::max<std::int64_t>(query.after_id, 0) + 1;
    return Search(
        std::make_unique<Search::State>(*impl_, Selection(impl_->db, query.filter, first, last), query.last));
  });
}

void StoreReader::query(Query const& query, Visit const& visit) const {
  Search search = this->search(query);
  while (search.step(visit)) {
  }
}

}  // namespace logboom::store

namespace logboom {

void query(std::string const& database, Query const& query, std::function<bool(Record const&)> const& visit) {
  store::StoreReader(database).query(query, visit);
}

}  // namespace logboom
