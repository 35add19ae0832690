// Which rows of `record` a filter takes, as SQL where that helps, and as a test of the record for the rest.
// Must not know who asks or how the rows are walked.
#pragma once

#include "store/field_sieve.hpp"
#include "store/id_ranges.hpp"
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
  /// Of the rows with the ids `all` those that the filter takes. @throws std::invalid_argument for a malformed filter, SQLite::Exception
  /// @param db has has_text() (has_text.hpp) when the condition is used
  /// @param words nothing: any. Must outlive this.
  Selection(SQLite::Database& db, Filter const& filter, IdRange const& all, WordTest const* words = nullptr);

  /// Where they are: ascending, apart from each other; none: there is nothing.
  std::vector<IdRange> const& ranges() const noexcept { return ranges_; }

  /// Condition over `record r`, of which the ids from :after + 1 to :up_to are asked for: begins with " AND " or is empty.
  std::string const& condition() const noexcept { return condition_; }
  void bind(SQLite::Statement& statement) const;

  /// The condition says it all.
  bool exact() const noexcept { return !rest_.has_value() && words_ == nullptr; }
  /// What passes() looks at.
  bool tests_texts() const noexcept { return words_ != nullptr || (rest_ && !rest_->filter().regex.empty()); }
  bool tests_fields() const noexcept { return rest_ && !rest_->filter().fields.empty(); }
  /// What the condition does not say.
  bool passes(Record const& record) const {
    return (!rest_ || rest_->matches(record)) && (words_ == nullptr || words_->matches(record));
  }

 private:
  using Parameter = std::variant<std::int64_t, std::string>;

  bool nothing() const noexcept { return ranges_.empty(); }
  void require(std::string const& condition, char const* name, Parameter value);
  void restrict_time(SQLite::Database& db, Filter const& filter, IdRange const& all);
  void restrict_sites(SQLite::Database& db, Filter const& filter);
  void restrict_sources(SQLite::Database& db, Filter const& filter);
  void restrict_texts(Filter const& filter);
  void restrict_fields(std::vector<AnyText> const& sieve);
  void restrict_words(SQLite::Database& db);
  void take_ids(std::vector<std::int64_t> const& ids, bool all, std::string const& column, char const* name);

  std::vector<IdRange> ranges_;
  std::string condition_;
  std::vector<std::pair<std::string, Parameter>> parameters_;
  std::optional<Matcher> rest_;
  WordTest const* words_;  // to be tested; none where the index says it
};

}  // namespace logboom::store
