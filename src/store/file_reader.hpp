// Reads one file of the store, while it is being written or later: single records, filtered spans of ids.
// Must not know that a store may be many files, who asks, or how records are shown.
#pragma once

#include "store/word_test.hpp"

#include <logboom/query.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace logboom::store {

/// One read-only connection. For one thread at a time; any number of readers beside the writer. No read transaction
/// is open while `visit` runs, so that a slow visitor does not hold back the writer's checkpoints.
class FileReader {
 public:
  using Visit = std::function<bool(Record const&)>;

  /// @param closed nobody writes to it. @throws StoreError (missing, not a logboom store, newer version, no permission).
  FileReader(std::string const& path, bool closed);
  ~FileReader();
  FileReader(FileReader const&) = delete;
  FileReader& operator=(FileReader const&) = delete;

  std::int64_t first_id() const noexcept;
  /// Of the newest committed record; first_id() - 1: there is none.
  std::int64_t last_id() const;
  /// The file has lost the name by which it was opened.
  bool moved() const;
  std::optional<Record> fetch(std::int64_t id) const;

  class Search;
  /// @param words of `Query::text`; nothing: any. Must outlive the search.
  Search search(Query const& query, WordTest const* words) const;

  void stop_when(std::function<bool()> stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A query under way: with `Query::last` by find() alone, otherwise by walk() alone. Must not outlive its reader; one thread at a time for both.
class FileReader::Search {
 public:
  Search(Search&&) noexcept;
  Search& operator=(Search&&) noexcept;
  ~Search();

  /// Looks at some rows (no more than a few thousand) and visits those that pass, in order. @return false: that was the end, or `visit` said so.
  /// @throws StoreError; a record was visited or not, so that the search can go on.
  bool walk(Visit const& visit);
  /// Looks at some rows, the newest first, and adds the ids of those that pass, `Query::last` in all. @return false: that was the end.
  bool find(std::vector<std::int64_t>& found);

 private:
  friend class FileReader;
  struct State;
  explicit Search(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace logboom::store
