// Which times the records of some consecutive ids have, as a row of `span` says it. Must not know where such rows come from.
#pragma once

#include "store/row_check.hpp"
#include "store/row_values.hpp"

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>

namespace logboom::store {

/// Both ends included, of ids and of times.
struct TimeSpan {
  std::int64_t first_id = 1, last_id = 0;
  std::int64_t min_created = 0, max_created = 0;  // ns since 1970

  std::int64_t records() const noexcept { return last_id - first_id + 1; }
  std::int64_t checksum() const noexcept {
    return span_checksum(first_id, last_id, min_created, max_created);
  }

  friend bool operator==(TimeSpan const&, TimeSpan const&) = default;
};

inline constexpr char const* kSpanColumns = "first_id, last_id, min_created, max_created, checksum";

/// Of a row with kSpanColumns. Nothing: the row is damaged, and nobody knows what it said.
inline std::optional<TimeSpan> span_of(SQLite::Statement& row) {
  TimeSpan const span{number_of(row, 0), number_of(row, 1), number_of(row, 2), number_of(row, 3)};
  if (number_of(row, 4) != span.checksum() || span.records() < 1) return std::nullopt;
  return span;
}

}  // namespace logboom::store
