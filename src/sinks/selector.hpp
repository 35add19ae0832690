// Which records a sink takes: the filter, taken apart so that what call site and process decide is decided once for many records.
// Must not know what becomes of them.
#pragma once

#include "record/block.hpp"

#include <logboom/filter.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace logboom::sinks {

/// Immutable, so safe to share among threads.
class Selector {
 public:
  /// @throws std::invalid_argument as Matcher does
  explicit Selector(Filter const& filter);

  /// Sets selected[i] to whether entry i passes by its site and its source. @return how many do
  std::size_t select(Block const& block, std::vector<bool>& selected) const;
  /// Whether what was selected has to be asked for more.
  bool looks_inside() const noexcept { return content_.has_value(); }
  /// Whether a record that was selected passes the rest as well.
  bool matches(Record const& record) const { return !content_ || content_->matches(record); }

 private:
  std::optional<Matcher> site_;     // level and logger
  std::optional<Matcher> source_;   // host and process
  std::optional<Matcher> content_;  // fields, text, time
};

}  // namespace logboom::sinks
