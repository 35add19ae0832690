// Columns. Must not know what is in them.
#include "cli/table.hpp"

#include "record/terminal_text.hpp"

#include <algorithm>

namespace logboom::cli {
namespace {

bool begins_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

}  // namespace

std::size_t display_width(std::string const& text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut_to(std::string text, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if (begins_character(text[at]) && ++seen >= std::max<std::size_t>(width, 1)) break;
  }
  return text.substr(0, at) + (width > 0 ? "…" : "");
}

void Table::add(std::vector<std::string> const& cells) {
  auto& row = rows_.emplace_back();
  for (auto const& cell : cells) append_harmless_line(cell, row.emplace_back());
}

std::string Table::text(std::size_t indent, std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(display_width(columns_[i].title));
    for (auto const& row : rows_) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  auto const add_line = [&](auto const& cell_of) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      std::string const& cell = cell_of(i);
      std::string const blanks(widths[i] - display_width(cell), ' ');
      line += columns_[i].align == Align::kRight ? blanks + cell : cell + blanks;
      if (i + 1 < columns_.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += (width > 0 ? cut_to(std::move(line), width) : line) + '\n';
  };
  add_line([&](std::size_t i) -> std::string const& { return columns_[i].title; });
  for (auto const& row : rows_) add_line([&](std::size_t i) -> std::string const& { return row[i]; });
  return text;
}

}  // namespace logboom::cli
