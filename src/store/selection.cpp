#include "store/selection.hpp"

#include "store/field_sieve.hpp"
#include "store/regex_literal.hpp"
#include "store/text_index.hpp"

#include <SQLiteCpp/Column.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace logboom::store {
namespace {

Filter of_site(Filter const& filter) {
  Filter part;
  part.loggers = filter.loggers;
  return part;
}

Filter of_source(Filter const& filter) {
  Filter part;
  part.hosts = filter.hosts;
  part.processes = filter.processes;
  part.pids = filter.pids;
  return part;
}

std::optional<Matcher> matcher_of_rest(Filter const& filter) {
  if (filter.regex.empty() && filter.fields.empty()) return std::nullopt;
  Filter part;
  part.regex = filter.regex;
  part.fields = filter.fields;
  return Matcher(std::move(part));
}

}  // namespace

Selection::Selection(SQLite::Database& db, Filter const& filter, IdRange const& all, WordTest const* words)
    : rest_(matcher_of_rest(filter)), words_(words) {
  if (!all.empty()) ranges_.push_back(all);
  if (filter.level) require("r.level >= :level", ":level", std::int64_t{*filter.level});
  if (!nothing()) restrict_time(db, filter, all);
  if (!nothing()) restrict_sites(db, filter);
  if (!nothing()) restrict_sources(db, filter);
  restrict_texts(filter);
  if (!nothing() && words_ != nullptr) restrict_words(db);
}

void Selection::bind(SQLite::Statement& statement) const {
  for (auto const& [name, value] : parameters_) {
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
      statement.bind(name, *number);
    } else {
      statement.bindNoCopy(name, std::get<std::string>(value));
    }
  }
}

void Selection::require(std::string const& condition, char const* name, Parameter value) {
  condition_ += " AND " + condition;
  parameters_.emplace_back(name, std::move(value));
}

// Rows come in the order of their ids, so that they need no sorting. The unary + keeps the planner from the index for them.
void Selection::restrict_time(SQLite::Database& db, Filter const& filter, IdRange const& all) {
  if (!filter.since && !filter.until) return;
  TimeAndLevel asked;
  if (filter.since) {
    asked.oldest = *filter.since;
    require("+r.created >= :since", ":since", *filter.since);
  }
  if (filter.until) {
    asked.newest = std::max(*filter.until, INT64_MIN + 1) - 1;
    require("+r.created < :until", ":until", *filter.until);
  }
  if (filter.level) asked.level = *filter.level;
  ranges_ = ranges_with(db, asked, all);
}

void Selection::take_ids(std::vector<std::int64_t> const& ids, bool all, std::string const& column,
                         char const* name) {
  if (all) return;
  if (ids.empty()) {
    ranges_.clear();
    return;
  }
  require(fmt::format("{} IN (SELECT value FROM json_each({}))", column, name), name,
          fmt::format("[{}]", fmt::join(ids, ",")));
}

void Selection::restrict_sites(SQLite::Database& db, Filter const& filter) {
  if (filter.loggers.empty()) return;
  Matcher const matcher(of_site(filter));
  std::vector<std::int64_t> ids;
  bool all = true;
  Record record;
  SQLite::Statement sites(db, "SELECT id, logger FROM site");
  while (sites.executeStep()) {
    record.logger = sites.getColumn(1).getString();
    if (matcher.matches(record)) {
      ids.push_back(sites.getColumn(0).getInt64());
    } else {
      all = false;
    }
  }
  take_ids(ids, all, "r.site_id", ":sites");
}

void Selection::restrict_sources(SQLite::Database& db, Filter const& filter) {
  if (filter.hosts.empty() && filter.processes.empty() && filter.pids.empty()) return;
  Matcher const matcher(of_source(filter));
  std::vector<std::int64_t> ids;
  bool all = true;
  Record record;
  SQLite::Statement sources(db, "SELECT id, host, process, pid FROM source");
  while (sources.executeStep()) {
    record.host = sources.getColumn(1).getString();
    record.process = sources.getColumn(2).getString();
    record.pid = static_cast<std::uint64_t>(sources.getColumn(3).getInt64());
    if (matcher.matches(record)) {
      ids.push_back(sources.getColumn(0).getInt64());
    } else {
      all = false;
    }
  }
  take_ids(ids, all, "r.source_id", ":sources");
}

/// Where there is no index, the record is tested.
void Selection::restrict_words(SQLite::Database& db) {
  if (!has_text_index(db)) return;
  require(
      "r.id IN (SELECT rowid FROM record_text WHERE record_text MATCH :words AND rowid > :after AND rowid <= "
      ":up_to)",
      ":words", words_->expression());
  words_ = nullptr;
}

// Only a first sieve: what it lets through is tested by the matcher. It spares most rows their decoding.
void Selection::restrict_texts(Filter const& filter) {
  if (std::string_view const literal = literal_of(filter.regex); !literal.empty()) {
    require("(has_text(r.message, :text) OR has_text(r.exception, :text))", ":text", std::string(literal));
  }
  for (FieldTest const& test : filter.fields) restrict_fields(field_sieve(test));
}

void Selection::restrict_fields(std::vector<AnyText> const& sieve) {
  if (sieve.empty()) return;
  std::vector<std::string> fields, attributes;
  for (AnyText const& any : sieve) {
    std::vector<std::string> in_fields, in_attributes;
    for (std::string const& text : any) {
      std::string const name = fmt::format(":field{}", parameters_.size());
      in_fields.push_back(fmt::format("has_text(r.fields, {})", name));
      in_attributes.push_back(fmt::format("has_text(r.attributes, {})", name));
      parameters_.emplace_back(name, text);
    }
    fields.push_back(fmt::format("({})", fmt::join(in_fields, " OR ")));
    attributes.push_back(fmt::format("({})", fmt::join(in_attributes, " OR ")));
  }
  condition_ += fmt::format(" AND ({} OR {})", fmt::join(fields, " AND "), fmt::join(attributes, " AND "));
}

}  // namespace logboom::store
