#include "store/page_rows.hpp"

#include <algorithm>
#include <array>

namespace logboom::store {
namespace {

// The format: https://www.sqlite.org/fileformat2.html, "B-tree Pages" and "Record Format".
constexpr std::byte kTableLeafFlag{13}, kIndexLeafFlag{10}, kIndexInteriorFlag{2};
constexpr std::size_t kFileHeader = 100, kLeastHeader = 8;
constexpr std::uint64_t kLongestRow = 64U << 20U;
constexpr std::size_t kMostCells = 64;  // of a row

std::uint64_t big_endian(std::span<std::byte const> bytes) noexcept {
  std::uint64_t value = 0;
  for (std::byte const byte : bytes) value = value << 8U | std::to_integer<std::uint64_t>(byte);
  return value;
}

/// Takes a varint off the front. @return nothing where the bytes end before it does
std::optional<std::uint64_t> take_varint(std::span<std::byte const>& bytes) noexcept {
  constexpr std::size_t kLongest = 9;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLongest && i < bytes.size(); ++i) {
    auto const byte = std::to_integer<std::uint64_t>(bytes[i]);
    bool const last = i + 1 == kLongest || byte < 128;
    value = i + 1 == kLongest ? value << 8U | byte : value << 7U | (byte & 127U);
    if (last) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

/// Bytes of a value of this serial type; nothing for those that a store has none of.
std::optional<std::size_t> size_of(std::uint64_t type) noexcept {
  constexpr std::array<std::size_t, 7> kIntegers{0, 1, 2, 3, 4, 6, 8};
  if (type < kIntegers.size()) return kIntegers[type];
  if (type == 8 || type == 9) return 0;
  if (type < 12) return std::nullopt;
  return (type - 12) / 2;
}

std::int64_t signed_value(std::span<std::byte const> bytes) noexcept {
  auto const shift = 64 - 8 * static_cast<unsigned>(bytes.size());
  return static_cast<std::int64_t>(big_endian(bytes) << shift) >> shift;
}

Cell cell_of(std::uint64_t type, std::span<std::byte const> bytes) noexcept {
  if (type == 0) return {};
  if (type < 7) return {Cell::Type::kInteger, signed_value(bytes), {}};
  if (type < 10) return {Cell::Type::kInteger, type == 9 ? 1 : 0, {}};
  return {type % 2 == 0 ? Cell::Type::kBlob : Cell::Type::kText,
          0,
          {reinterpret_cast<char const*>(bytes.data()), bytes.size()}};
}

bool blank(std::span<std::byte const> page) noexcept {
  return std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

void PageRows::scan(Visit const& visit, Fault const& fault) {
  for (std::uint32_t number = 1; number <= pages_.count(); ++number) scan_page(number, visit, fault);
}

void PageRows::search(Visit const& known, Visit const& visit) {
  for (std::uint32_t number = 1; number <= pages_.count(); ++number) search_page(number, known, visit);
}

std::optional<PageRows::Kind> PageRows::kind_of(std::uint32_t number) const noexcept {
  std::byte const flag = page_[number == 1 ? kFileHeader : 0];
  if (flag == kTableLeafFlag) return Kind::kTableLeaf;
  if (flag == kIndexLeafFlag) return Kind::kIndexLeaf;
  if (flag == kIndexInteriorFlag) return Kind::kIndexInterior;
  return std::nullopt;
}

void PageRows::scan_page(std::uint32_t number, Visit const& visit, Fault const& fault) {
  bool const whole = pages_.read(number, page_);
  if (!whole) fault({number, "the file ends before it, or it cannot be read"});
  if (blank(page_)) {
    if (whole) fault({number, "nothing but zeros"});
    return;
  }
  // A page in the middle of a tree has no rows, nor has one of a long text.
  auto const kind = kind_of(number);
  if (!kind) return;
  bool readable = true;
  bool const fits = for_each_row(number, *kind, [&](std::optional<Found> const& found) {
    if (found)
      visit(found->row);
    else
      readable = false;
  });
  // An index has a copy of what is in a table, or it is a table of few rows.
  if (!readable || !fits)
    fault({number, *kind == Kind::kTableLeaf ? "rows that cannot be read"
                                             : "entries of an index that cannot be read"});
}

bool PageRows::for_each_row(std::uint32_t number, Kind kind,
                            std::function<void(std::optional<Found> const&)> const& use) {
  std::size_t const header = number == 1 ? kFileHeader : 0;
  std::size_t const pointers = header + (kind == Kind::kIndexInterior ? 12 : 8);
  auto const count = big_endian(std::span(page_).subspan(header + 3, 2));
  for (std::size_t i = 0; i < count && pointers + 2 * i + 2 <= page_.size(); ++i) {
    auto found = row_at(big_endian(std::span(page_).subspan(pointers + 2 * i, 2)), kind);
    if (found) found->row.page = number;
    use(found);
  }
  return pointers + 2 * count <= page_.size();
}

void PageRows::search_page(std::uint32_t number, Visit const& known, Visit const& visit) {
  (void)pages_.read(number, page_);
  if (blank(page_)) return;
  taken_.assign(page_.size(), false);
  auto const take = [&](Found const& found) {
    std::fill(taken_.begin() + static_cast<std::ptrdiff_t>(found.begin),
              taken_.begin() + static_cast<std::ptrdiff_t>(found.end), true);
  };
  if (auto const kind = kind_of(number)) {
    for_each_row(number, *kind, [&](std::optional<Found> const& found) {
      if (found && known(found->row)) take(*found);
    });
  }
  for (std::size_t at = number == 1 ? kFileHeader : kLeastHeader; at + 4 < page_.size(); ++at) {
    for (Kind const kind : {Kind::kTableLeaf, Kind::kIndexLeaf}) {
      if (taken_[at]) break;
      auto found = row_at(at, kind, true);
      if (!found) continue;
      found->row.page = number;
      found->row.guessed = true;
      if (visit(found->row)) take(*found);
    }
  }
}

// All tables with a rowid have it as their first column, which then is a NULL in the row; those without begin with a number. Most places are seen not to be a row by that.
bool PageRows::may_begin_a_row(std::span<std::byte const> local, Kind kind) noexcept {
  if (local.size() < 2 || local[0] < std::byte{2} || local[0] >= std::byte{128}) return false;
  if (kind == Kind::kTableLeaf) return local[1] == std::byte{0};
  return local[1] >= std::byte{1} && local[1] <= std::byte{9};
}

std::optional<PageRows::Found> PageRows::row_at(std::size_t at, Kind kind, bool guessing) {
  if (at < kLeastHeader || at >= page_.size()) return std::nullopt;
  auto rest = std::span<std::byte const>(page_).subspan(at);
  if (kind == Kind::kIndexInterior) {
    if (rest.size() < 4) return std::nullopt;
    rest = rest.subspan(4);
  }
  auto const size = take_varint(rest);
  if (!size || *size < 2 || *size > kLongestRow) return std::nullopt;
  Found found;
  found.begin = at;
  if (kind == Kind::kTableLeaf) {
    auto const rowid = take_varint(rest);
    if (!rowid) return std::nullopt;
    found.row.rowid = static_cast<std::int64_t>(*rowid);
  }
  if (guessing && !may_begin_a_row(rest, kind)) return std::nullopt;
  // What does not fit goes on in pages of its own.
  std::uint64_t const usable = page_.size();
  std::uint64_t const most = kind == Kind::kTableLeaf ? usable - 35 : (usable - 12) * 64 / 255 - 23;
  std::uint64_t local = *size;
  if (*size > most) {
    std::uint64_t const least = (usable - 12) * 32 / 255 - 23;
    std::uint64_t const even = least + (*size - least) % (usable - 4);
    local = even <= most ? even : least;
    if (rest.size() < local + 4) return std::nullopt;
    auto const next = static_cast<std::uint32_t>(big_endian(rest.subspan(local, 4)));
    if (!gather(rest.first(local), *size, next) || !decode(payload_)) return std::nullopt;
    local += 4;
  } else if (rest.size() < local || !decode(rest.first(local))) {
    return std::nullopt;
  }
  found.row.cells = cells_;
  found.end = static_cast<std::size_t>(rest.data() - page_.data()) + local;
  return found;
}

bool PageRows::gather(std::span<std::byte const> local, std::uint64_t size, std::uint32_t next) {
  // Not before it is clear that they are there: the number may be anything.
  if (size > std::uint64_t{pages_.count()} * pages_.page_size()) return false;
  payload_.assign(local.begin(), local.end());
  overflow_page_.resize(pages_.page_size());
  while (payload_.size() < size) {
    if (next == 0 || next > pages_.count() || !pages_.read(next, overflow_page_)) return false;
    next = static_cast<std::uint32_t>(big_endian(std::span(overflow_page_).first(4)));
    auto const content = std::span(overflow_page_).subspan(4);
    auto const part = content.first(std::min<std::uint64_t>(content.size(), size - payload_.size()));
    payload_.insert(payload_.end(), part.begin(), part.end());
  }
  return true;
}

bool PageRows::decode(std::span<std::byte const> payload) {
  cells_.clear();
  auto types = payload;
  auto const header = take_varint(types);
  std::size_t const used = payload.size() - types.size();
  if (!header || *header > payload.size() || *header <= used) return false;
  types = payload.subspan(used, *header - used);
  auto values = payload.subspan(*header);
  while (!types.empty()) {
    auto const type = take_varint(types);
    auto const size = type ? size_of(*type) : std::nullopt;
    if (!size || *size > values.size() || cells_.size() == kMostCells) return false;
    cells_.push_back(cell_of(*type, values.first(*size)));
    values = values.subspan(*size);
  }
  return values.empty();
}

}  // namespace logboom::store
