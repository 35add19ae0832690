#include "store/file_reader.hpp"

#include "store/file_facts.hpp"
#include "store/has_text.hpp"
#include "store/page.hpp"
#include "store/read_connection.hpp"
#include "store/record_rows.hpp"
#include "store/schema.hpp"
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

struct Times {
  std::int64_t oldest = 0, newest = -1;  // ns; without records as here
};

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
        find_last(db, "SELECT ifnull(max(id), 0) FROM record") {
    declare_has_text(db);  // for Selection
  }

  std::int64_t last_id();
  std::optional<Record> fetch(std::int64_t id);
  Times const& times();
  Filter within_its_times(Filter filter, IdRange& asked);

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

/// Of a closed file without spans.
Times const& FileReader::Impl::times() {
  if (!known_times) {
    auto const value = [&](char const* sql) { return db.execAndGet(sql).getInt64(); };
    known_times = {value("SELECT ifnull(min(created), 0) FROM record INDEXED BY record_created_level"),
                   value("SELECT ifnull(max(created), -1) FROM record INDEXED BY record_created_level")};
  }
  return *known_times;
}

/// Without spans, finding where a time begins in a file is the dear part, and most files are wholly within or without.
Filter FileReader::Impl::within_its_times(Filter filter, IdRange& asked) {
  if ((!filter.since && !filter.until) || !closed || has_spans(db)) return filter;
  auto const [oldest, newest] = times();
  if ((filter.since && newest < *filter.since) || (filter.until && oldest >= *filter.until)) asked = {};
  if (filter.since && oldest >= *filter.since) filter.since.reset();
  if (filter.until && newest < *filter.until) filter.until.reset();
  return filter;
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
  std::vector<IdRange> left;  // to be looked at: the next one at the end
  std::size_t const wanted;   // the newest so many; 0: all
};

FileReader::Search::State::State(Impl& from, Selection selected, std::size_t newest)
    : reader(from), selection(std::move(selected)), left(selection.ranges()), wanted(newest) {
  if (left.empty()) return;
  if (wanted == 0) std::reverse(left.begin(), left.end());
  select.emplace(
      reader.db,
      fmt::format("SELECT {} FROM record r WHERE r.id > :after AND r.id <= :up_to{} ORDER BY r.id{}",
                  wanted > 0 ? tested_columns(selection.tests_texts(), selection.tests_fields()) : kRecordColumns,
                  selection.condition(), wanted > 0 ? " DESC" : ""));
}

bool FileReader::Search::State::walk(Visit const& visit) {
  if (left.empty()) return false;
  IdRange& next = left.back();
  std::int64_t const until = std::min(next.last, next.first - 1 + kRowsAtOnce);
  std::int64_t reached = next.first - 1;
  Page page;
  {
    ScopedReset const reset(*select);
    selection.bind(*select);
    select->bind(":after", reached);
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
  next.first = (page.full() ? reached : until) + 1;
  if (next.empty()) left.pop_back();
  return page.visit(visit) && !left.empty();
}

bool FileReader::Search::State::find(std::vector<std::int64_t>& found) {
  if (left.empty()) return false;
  IdRange& next = left.back();
  std::int64_t const from = std::max(next.first - 1, next.last - kRowsAtOnce);
  auto const before = found.size();
  ScopedReset const reset(*select);
  selection.bind(*select);
  select->bind(":after", from);
  select->bind(":up_to", next.last);
  try {
    while (found.size() < wanted && select->executeStep()) {
      if (selection.exact() || selection.passes(read_tested_row(*select)))
        found.push_back(select->getColumn(0).getInt64());
    }
  } catch (...) {
    found.resize(before);
    throw;
  }
  next.last = from;
  if (next.empty()) left.pop_back();
  return !left.empty() && found.size() < wanted;
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

std::optional<Record> FileReader::fetch(std::int64_t id) const {
  return reading(impl_->path, [&] { return impl_->fetch(id); });
}

FileReader::Search FileReader::search(Query const& query, WordTest const* words) const {
  return reading(impl_->path, [&] {
    IdRange asked{std::max<std::int64_t>(query.after_id, 0) + 1, impl_->last_id()};
    if (query.up_to_id > 0) asked.last = std::min(asked.last, query.up_to_id);
    Filter const filter = impl_->within_its_times(query.filter, asked);
    return Search(
        std::make_unique<Search::State>(*impl_, Selection(impl_->db, filter, asked, words), query.last));
  });
}

}  // namespace logboom::store
