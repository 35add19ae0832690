#include "store/table_rows.hpp"

#include <cstddef>
#include <string_view>

namespace logboom::store {
namespace {

using Type = Cell::Type;
constexpr std::size_t kUuid = 16;

/// A letter a column: i integer, n integer or NULL, t text, r text or NULL, b blob, 0 NULL, and last of all c: a checksum, which may be missing.
bool has_shape(PageRow const& row, std::string_view shape) noexcept {
  bool const checked = shape.ends_with('c');
  std::size_t const least = shape.size() - (checked ? 1 : 0);
  if (row.cells.size() < least || row.cells.size() > shape.size()) return false;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    Type const type = row.cells[i].type;
    bool fits = false;
    switch (shape[i]) {
      case 'i': fits = type == Type::kInteger; break;
      case 'n':
      case 'c': fits = type == Type::kInteger || type == Type::kNull; break;
      case 't': fits = type == Type::kText; break;
      case 'r': fits = type == Type::kText || type == Type::kNull; break;
      case 'b': fits = type == Type::kBlob; break;
      default: fits = type == Type::kNull; break;
    }
    if (!fits) return false;
  }
  return true;
}

std::int64_t number(PageRow const& row, std::size_t i) noexcept { return row.cells[i].integer; }
std::string_view text(PageRow const& row, std::size_t i) noexcept { return row.cells[i].bytes; }

Proof proof(PageRow const& row, std::size_t i, std::int64_t checksum) noexcept {
  if (i >= row.cells.size() || row.cells[i].type == Type::kNull) return Proof::kNone;
  return row.cells[i].integer == checksum ? Proof::kRight : Proof::kWrong;
}

}  // namespace

std::optional<RecordRow> record_of(PageRow const& row) noexcept {
  if (!row.rowid || !has_shape(row, "0iiiintrrrrrrc")) return std::nullopt;
  RecordRow record;
  record.cells.numbers = {*row.rowid,     number(row, 1), number(row, 2),
                          number(row, 3), number(row, 4), number(row, 5)};
  for (std::size_t i = 0; i < record.cells.texts.size(); ++i) record.cells.texts[i] = text(row, 6 + i);
  record.proof = proof(row, 13, record.cells.checksum());
  return record;
}

std::optional<SiteRow> site_of(PageRow const& row) noexcept {
  if (!row.rowid || !has_shape(row, "0tittittc")) return std::nullopt;
  SiteRow site{*row.rowid,   number(row, 2), number(row, 5), text(row, 1), text(row, 3),
               text(row, 4), text(row, 6),   text(row, 7),   Proof::kNone};
  site.proof = proof(row, 8, site.checksum());
  return site;
}

std::optional<SiteRow> site_of_index(PageRow const& row) noexcept {
  if (row.rowid || !has_shape(row, "tiitttti")) return std::nullopt;
  return SiteRow{number(row, 7), number(row, 2), number(row, 1), text(row, 0), text(row, 6),
                 text(row, 3),   text(row, 4),   text(row, 5),   Proof::kNone};
}

std::optional<SourceRow> source_of(PageRow const& row) noexcept {
  if (!row.rowid || !has_shape(row, "0ittiiiitc")) return std::nullopt;
  SourceRow source{*row.rowid,
                   {number(row, 1), number(row, 4), number(row, 5), number(row, 6), number(row, 7),
                    text(row, 2), text(row, 3), text(row, 8)},
                   Proof::kNone};
  source.proof = proof(row, 9, source.cells.checksum());
  return source;
}

std::optional<SourceRow> source_of_index(PageRow const& row) noexcept {
  if (row.rowid || !has_shape(row, "iiiiittti")) return std::nullopt;
  return SourceRow{number(row, 8),
                   {number(row, 0), number(row, 3), number(row, 4), number(row, 1), number(row, 2),
                    text(row, 5), text(row, 6), text(row, 7)},
                   Proof::kNone};
}

std::optional<PublisherRow> publisher_of(PageRow const& row) noexcept {
  if (!row.rowid || !has_shape(row, "0bc") || text(row, 1).size() != kUuid) return std::nullopt;
  return PublisherRow{*row.rowid, text(row, 1), proof(row, 2, publisher_checksum(text(row, 1)))};
}

std::optional<PublisherRow> publisher_of_index(PageRow const& row) noexcept {
  if (row.rowid || !has_shape(row, "bi") || text(row, 0).size() != kUuid) return std::nullopt;
  return PublisherRow{number(row, 1), text(row, 0), Proof::kNone};
}

std::optional<LedgerRow> ledger_of(PageRow const& row) noexcept {
  // Of version 1 without `missing`; an index of three numbers looks like that, so that such rows are none.
  if (row.rowid || !has_shape(row, "iiitc")) return std::nullopt;
  LedgerRow ledger{number(row, 0), number(row, 1), number(row, 2), text(row, 3), Proof::kNone};
  ledger.proof =
      proof(row, 4, ledger_checksum(ledger.publisher_id, ledger.stream, ledger.last, ledger.missing));
  return ledger;
}

std::optional<GapRow> gap_of(PageRow const& row) noexcept {
  if (!row.rowid || !has_shape(row, "0iiiiitc")) return std::nullopt;
  GapRow gap{*row.rowid,     number(row, 1), number(row, 2), number(row, 3),
             number(row, 4), number(row, 5), text(row, 6),   Proof::kNone};
  gap.proof =
      proof(row, 7, gap_checksum(gap.publisher_id, gap.stream, gap.first, gap.last, gap.created, gap.reason));
  return gap;
}

std::optional<MetaRow> meta_of(PageRow const& row) noexcept {
  if (row.rowid || row.cells.size() != 2 || row.cells[0].type != Type::kText) return std::nullopt;
  return MetaRow{text(row, 0), row.cells[1]};
}

std::optional<Proof> proof_of(PageRow const& row) noexcept {
  if (auto const record = record_of(row)) return record->proof;
  if (auto const site = site_of(row)) return site->proof;
  if (auto const source = source_of(row)) return source->proof;
  if (auto const gap = gap_of(row)) return gap->proof;
  if (auto const ledger = ledger_of(row)) return ledger->proof;
  if (auto const publisher = publisher_of(row)) return publisher->proof;
  return std::nullopt;
}

}  // namespace logboom::store
