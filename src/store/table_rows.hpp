// What a row found in a page is: told by its shape, and by the checksum that it carries. Must not know pages.
#pragma once

#include "store/page_rows.hpp"
#include "store/row_check.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace logboom::store {

/// Of a row: no checksum (it is of before there were any), or the right one, or another.
enum class Proof { kNone, kRight, kWrong };

struct RecordRow {
  RecordCells cells;
  Proof proof = Proof::kNone;
};
struct SiteRow {
  std::int64_t id = 0, level = 0, line = 0;
  std::string_view logger, level_name, file, function, template_text;
  Proof proof = Proof::kNone;

  std::int64_t checksum() const noexcept {
    return site_checksum(level, line, logger, level_name, file, function, template_text);
  }
};
struct SourceRow {
  std::int64_t id = 0;
  SourceCells cells;
  Proof proof = Proof::kNone;
};
struct PublisherRow {
  std::int64_t id = 0;
  std::string_view uuid;
  Proof proof = Proof::kNone;
};
struct LedgerRow {
  std::int64_t publisher_id = 0, stream = 0, last = 0;
  std::string_view missing;
  Proof proof = Proof::kNone;
};
struct GapRow {
  std::int64_t id = 0, publisher_id = 0, stream = 0, first = 0, last = 0, created = 0;
  std::string_view reason;
  Proof proof = Proof::kNone;
};
struct MetaRow {
  std::string_view key;
  Cell value;
};

// Nothing: it is none. Texts are the row's own.
std::optional<RecordRow> record_of(PageRow const& row) noexcept;
std::optional<SiteRow> site_of(PageRow const& row) noexcept;
std::optional<SourceRow> source_of(PageRow const& row) noexcept;
std::optional<PublisherRow> publisher_of(PageRow const& row) noexcept;
std::optional<LedgerRow> ledger_of(PageRow const& row) noexcept;
std::optional<GapRow> gap_of(PageRow const& row) noexcept;
std::optional<MetaRow> meta_of(PageRow const& row) noexcept;

/// Of whichever of those with a checksum it is. Nothing: of none.
std::optional<Proof> proof_of(PageRow const& row) noexcept;

// The same from the index that keeps them unique: it has all of a row but its checksum.
std::optional<SiteRow> site_of_index(PageRow const& row) noexcept;
std::optional<SourceRow> source_of_index(PageRow const& row) noexcept;
std::optional<PublisherRow> publisher_of_index(PageRow const& row) noexcept;

}  // namespace logboom::store
