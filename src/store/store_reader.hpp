// Reads a store, its current file and the closed ones, as one: single records, ranges of ids, filtered queries; while it is being written, or later.
// Must not know who asks (viewers, the command line) or how records are shown.
#pragma once

#include <logboom/query.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace logboom::store {

/// One read-only connection to the current file, and at most four to closed ones that it keeps. For one thread at a time; any number of readers beside the writer. No read transaction
/// is open while `visit` runs, so that a slow visitor does not hold back the writer's checkpoints. Files may be closed, rewritten and removed meanwhile: each call sees the store as
/// it is by then, a search as it was when it began, but for files removed before it came to them.
class StoreReader {
 public:
  using Visit = std::function<bool(Record const&)>;

  /// @throws StoreError (missing, not a logboom store, newer version, no permission).
  explicit StoreReader(std::string const& path);
  ~StoreReader();
  StoreReader(StoreReader&&) noexcept;
  StoreReader& operator=(StoreReader&&) noexcept;

  /// Id of the newest committed record; 0: there is none.
  std::int64_t last_id() const;
  /// The record with this id, if there is one.
  std::optional<Record> fetch(std::int64_t id) const;
  /// Records with first <= id <= last, ascending, until `visit` returns false.
  void range(std::int64_t first, std::int64_t last, Visit const& visit) const;
  /// As logboom::query().
  void query(Query const& query, Visit const& visit) const;
  /// The same in steps of milliseconds, for who has more to do. Finding where `since` begins is the one step that grows with the store: a millisecond for
  /// some million records, 0.1 s for so many in a file of version 3 or older.
  class Search;
  Search search(Query const& query) const;

  /// Told, in one line, of a file that was removed between the beginning of a search and when it came to it. Not set: nobody is told.
  void tell_of_removed(std::function<void(std::string const&)> tell);

  /// Asked now and then while rows are read: once it says true, reading ends with a StoreError. For searches that find nothing in much.
  void stop_when(std::function<bool()> stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A query under way. Must not outlive its reader; one thread at a time for both.
class StoreReader::Search {
 public:
  Search(Search&&) noexcept;
  Search& operator=(Search&&) noexcept;
  ~Search();

  /// Looks at some rows (no more than a few thousand) and visits those that pass, in order. @return false: that was the end, or `visit` said so.
  /// @throws StoreError; a record was visited or not, so that the search can go on.
  bool step(Visit const& visit);

 private:
  friend class StoreReader;
  struct State;
  explicit Search(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace logboom::store
