// Which rows of `record` a filter takes, as SQL where that helps, and as a test of the record for the rest.
// Must not know who asks or how the rows are walked.
#pragma once

#include "store/word_test.hpp"

#include <logboom/filter.hpp>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace logboom::store {

/// Loggers, hosts, processes and pids are resolved to ids of sites and sources first, by the same Matcher as everywhere. Built
/// for the rows that are there now; values are bound, never pasted.
class Selection {
 public:
  /// Rows `first` <= id <= `last` of those that the filter takes. @throws std::invalid_argument for a malformed filter, SQLite::Exception
  /// @param words nothing: any. Must outlive this.
  Selection(SQLite::Database& db, Filter const& filter, std::int64_t first, std::int64_t last,
            WordTest const* words = nullptr);

  bool nothing() const noexcept { return first_ > last_; }
  std::int64_t first() const noexcept { return first_; }
  std::int64_t last() const noexcept { return last_; }

  /// Condition over `record r`, of which the ids from :after + 1 to :up_to are asked for: begins with " AND " or is empty.
  std::string const& condition() const noexcept { return condition_; }
  void bind(SQLite::Statement& statement) const;

  /// The condition says it all.
  bool exact() const noexcept { return !rest_.has_value() && words_ == nullptr; }
  /// What the condition does not say.
  bool passes(Record const& record) const {
    return (!rest_ || rest_->matches(record)) && (words_ == nullptr || words_->matches(record));
  }

 private:
  using Parameter = std::variant<std::int64_t, std::string>;

  void require(std::string const& condition, char const* name, Parameter value);
  void restrict_time(SQLite::Database& db, Filter const& filter);
  void restrict_sites(SQLite::Database& db, Filter const& filter);
  void restrict_sources(SQLite::Database& db, Filter const& filter);
  void restrict_texts(Filter const& filter);
  void restrict_words(SQLite::Database& db);
  void take_ids(std::vector<std::int64_t> const& ids, bool all, std::string const& column, char const* name);

  std::int64_t first_;
  std::int64_t last_;
  std::string condition_;
  std::vector<std::pair<std::string, Parameter>> parameters_;
  std::optional<Matcher> rest_;
  WordTest const* words_;  // to be tested; none where the index says it
};

}  // namespace logboom::store
