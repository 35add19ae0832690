// The checksum that a row of the store carries: over what stands in it, so that a changed bit is found where SQLite itself has none.
// Must not know SQLite.
#pragma once

#include "record/check.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace logboom::store {

/// So that a row of one table never passes for one of another. Written to files: values stay.
enum class CheckedTable : std::uint64_t {
  kRecord = 1,
  kLedger = 2,
  kGap = 3,
  kSite = 4,
  kSource = 5,
  kPublisher = 6,
  kSpan = 7
};

/// The value of the column `checksum`: the row's numbers in the order of its columns (NULL as 0), then its texts (NULL as ''). 32 bits, signed: four bytes in the file.
inline std::int64_t row_checksum(CheckedTable table, std::span<std::int64_t const> numbers,
                                 std::span<std::string_view const> texts) noexcept {
  std::uint32_t check = check_bytes(static_cast<std::uint64_t>(table), std::as_bytes(numbers));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) continue;
    std::uint64_t const seed = (std::uint64_t{check} << 32U) | (i + 1);
    check = check_bytes(seed, std::as_bytes(std::span(texts[i].data(), texts[i].size())));
  }
  return static_cast<std::int32_t>(check);
}

/// Of a row of `record`, in the order of its columns.
struct RecordCells {
  std::array<std::int64_t, 6> numbers{};  // id, created, level, site_id, source_id, sequence
  std::array<std::string_view, 7> texts;  // message, fields, exception_type, exception, stack, task, attributes

  std::int64_t checksum() const noexcept { return row_checksum(CheckedTable::kRecord, numbers, texts); }
};

inline std::int64_t ledger_checksum(std::int64_t publisher_id, std::int64_t stream, std::int64_t last,
                                    std::string_view missing) noexcept {
  return row_checksum(CheckedTable::kLedger, std::array{publisher_id, stream, last}, std::array{missing});
}

/// The ids too: no other table says what they should be.
inline std::int64_t span_checksum(std::int64_t first_id, std::int64_t last_id, std::int64_t min_created,
                                  std::int64_t max_created) noexcept {
  return row_checksum(CheckedTable::kSpan, std::array{first_id, last_id, min_created, max_created}, {});
}

// Ids are not in those below: they are given by SQLite with the insert, and what refers to one that is not there shows.

inline std::int64_t gap_checksum(std::int64_t publisher_id, std::int64_t stream, std::int64_t first,
                                 std::int64_t last, std::int64_t created, std::string_view reason) noexcept {
  return row_checksum(CheckedTable::kGap, std::array{publisher_id, stream, first, last, created},
                      std::array{reason});
}

inline std::int64_t site_checksum(std::int64_t level, std::int64_t line, std::string_view logger,
                                  std::string_view level_name, std::string_view file,
                                  std::string_view function, std::string_view template_text) noexcept {
  return row_checksum(CheckedTable::kSite, std::array{level, line},
                      std::array{logger, level_name, file, function, template_text});
}

/// Of a row of `source`.
struct SourceCells {
  std::int64_t publisher_id = 0, pid = 0, started = 0, stream = 0, tid = 0;
  std::string_view host, process, thread;

  std::int64_t checksum() const noexcept {
    return row_checksum(CheckedTable::kSource, std::array{publisher_id, pid, started, stream, tid},
                        std::array{host, process, thread});
  }
};

inline std::int64_t publisher_checksum(std::string_view uuid) noexcept {
  return row_checksum(CheckedTable::kPublisher, {}, std::array{uuid});
}

}  // namespace logboom::store
