#include "store/file_reader.hpp"

#include "store/file_facts.hpp"
#include "store/page.hpp"
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

namespace logboom::store {
namespace {

constexpr std::int64_t kRowsAtOnce =
    4'096;  // looked at in one read transaction, whether or not they pass: milliseconds
constexpr int kStepsBetweenQuestions = 10'000;  // of SQLite's machine: about a millisecond

}  // namespace

struct FileReader::Impl {
  Impl(std::string const& file, bool is_closed)
      : path(file),
        closed(is_closed),
        db(closed ? open_closed(file) : open_current(file)),
        first_id(first_id_of(db)),
        rows(db),
        find(db, fmt::format("SELECT {} FROM record r WHERE r.id = ?", kRecordColumns)),
        find_last(db, "SELECT ifnull(max(id), 0) FROM record") {}

  std::int64_t last_id();
  std::optional<Record> fetch(std::int64_t id);
  Times const& times();

  std::string path;
  bool const closed;
  std::function<bool()> stop;
  SQLite::Database db;
  std::int64_t const first_id;
  RecordRows rows;
  SQLite::Statement find;
  SQLite::Statement find_last;
  std::optional<Times> known_times;
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

std::int64_t FileReader::Impl::last_id() {
  ScopedReset const reset(find_last);
  find_last.executeStep();
  return std::max(first_id - 1, find_last.getColumn(0).getInt64());
}

FileReader::Times const& FileReader::Impl::times() {
  if (!known_times) {
    auto const value = [&](char const* sql) { return db.execAndGet(sql).getInt64(); };
    known_times = {value("SELECT ifnull(min(created), 0) FROM record INDEXED BY record_created_level"),
                   value("SELECT ifnull(max(created), -1) FROM record INDEXED BY record_created_level")};
  }
  return *known_times;
}

std::optional<Record> FileReader::Impl::fetch(std::int64_t id) {
  ScopedReset const reset(find);
  find.bind(1, id);
  if (!find.executeStep()) return std::nullopt;
  return rows.read(find);
}

/// Rows are only ever added, with growing ids and no holes: a span of ids is as many rows, and what is read up to an id that was committed at the start is one
/// consistent state. So it is read in short transactions: a long one would keep the writer's log from beginning anew.
struct FileReader::Search::State {
  State(Impl& reader, Selection selected, std::size_t newest);

  bool walk(Visit const& visit);
  bool find(std::vector<std::int64_t>& found);

  Impl& reader;
  Selection const selection;
  std::optional<SQLite::Statement> select;
  std::int64_t after;        // walk: everything up to it was visited
  std::int64_t up_to;        // find: everything after it was looked at
  std::size_t const wanted;  // the newest so many; 0: all
};

FileReader::Search::State::State(Impl& from, Selection selected, std::size_t newest)
    : reader(from),
      selection(std::move(selected)),
      after(selection.first() - 1),
      up_to(selection.last()),
      wanted(newest) {
  if (selection.nothing()) return;
  select.emplace(
      reader.db,
      fmt::format("SELECT {} FROM record r WHERE r.id > :after AND r.id <= :up_to{} ORDER BY r.id{}",
                  wanted > 0 && selection.exact() ? "r.id" : kRecordColumns, selection.condition(),
                  wanted > 0 ? " DESC" : ""));
}

bool FileReader::Search::State::walk(Visit const& visit) {
  if (!select) return false;
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
      // A damaged tree may lead back, and so for ever on.
      if (record.id <= reached)
        throw StoreError(
            fmt::format("{} is damaged: record {} comes behind record {}; `logboom repair` salvages "
                        "what can be read",
                        reader.path, record.id, reached),
            StoreError::Kind::kDamaged);
      reached = record.id;
      if (selection.passes(record)) page.add(std::move(record));
    }
  }
  after = page.full() ? reached : until;
  return page.visit(visit) && after < selection.last();
}

bool FileReader::Search::State::find(std::vector<std::int64_t>& found) {
  if (!select) return false;
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
  return up_to >= selection.first() && found.size() < wanted;
}

FileReader::Search::Search(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileReader::Search::Search(Search&&) noexcept = default;
FileReader::Search& FileReader::Search::operator=(Search&&) noexcept = default;
FileReader::Search::~Search() = default;

bool FileReader::Search::walk(Visit const& visit) {
  return reading(state_->reader.path, [&] { return state_->walk(visit); });
}

bool FileReader::Search::find(std::vector<std::int64_t>& found) {
  return reading(state_->reader.path, [&] { return state_->find(found); });
}

void FileReader::stop_when(std::function<bool()> stop) {
  impl_->stop = std::move(stop);
  sqlite3_progress_handler(
      impl_->db.getHandle(), kStepsBetweenQuestions,
      [](void* impl) { return static_cast<Impl*>(impl)->stop() ? 1 : 0; }, impl_.get());
}

FileReader::FileReader(std::string const& path, bool closed)
    : impl_(reading(path, [&] { return std::make_unique<Impl>(path, closed); })) {}
FileReader::~FileReader() = default;

std::int64_t FileReader::first_id() const noexcept { return impl_->first_id; }

bool FileReader::moved() const { return has_moved(impl_->db); }

std::int64_t FileReader::last_id() const {
  return reading(impl_->path, [&] { return impl_->last_id(); });
}

FileReader::Times FileReader::times() const {
  return reading(impl_->path, [&] { return impl_->times(); });
}

std::optional<Record> FileReader::fetch(std::int64_t id) const {
  return reading(impl_->path, [&] { return impl_->fetch(id); });
}

FileReader::Search FileReader::search(Query const& query, WordTest const* words) const {
  return reading(impl_->path, [&] {
    Filter filter = query.filter;
    std::int64_t first = std::max<std::int64_t>(query.after_id, 0) + 1;
    std::int64_t last = impl_->last_id();
    if (query.up_to_id > 0) last = std::min(last, query.up_to_id);
    if (impl_->closed && (filter.since || filter.until)) {
      // Finding where a time begins in a file is the dear part, and most files are wholly within or without.
      auto const [oldest, newest] = impl_->times();
      if ((filter.since && newest < *filter.since) || (filter.until && oldest >= *filter.until))
        last = first - 1;
      if (filter.since && oldest >= *filter.since) filter.since.reset();
      if (filter.until && newest < *filter.until) filter.until.reset();
    }
    return Search(std::make_unique<Search::State>(*impl_, Selection(impl_->db, filter, first, last, words),
                                                  query.last));
  });
}

}  // namespace logboom::store
