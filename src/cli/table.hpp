// Text in columns, for people. Must not know what is in them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace logboom::cli {

/// Cells come out harmless: what steers a terminal is escaped.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as columns.
  void add(std::vector<std::string> const& cells);
  bool empty() const noexcept { return rows_.empty(); }
  /// One line a row, each with a newline, titles first; `indent` blanks before it. @param width at which lines are cut; 0: not at all
  std::string text(std::size_t indent = 0, std::size_t width = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns that a text takes on a terminal, one a character.
std::size_t display_width(std::string const& text) noexcept;
/// The text, or as much of it as fits `width` with an ellipsis.
std::string cut_to(std::string text, std::size_t width);

}  // namespace logboom::cli
