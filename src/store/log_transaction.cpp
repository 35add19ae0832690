#include "store/log_transaction.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace logboom::store {
namespace {

bool strictly_ascending(std::vector<std::uint32_t> const& pages) noexcept {
  return std::adjacent_find(pages.begin(), pages.end(), std::greater_equal<>()) == pages.end();
}

bool contains(std::vector<std::uint32_t> const& pages, std::uint32_t page) noexcept {
  return std::find(pages.begin(), pages.end(), page) != pages.end();
}

}  // namespace

LogTransaction::LogTransaction(Frames frames) : frames_(std::move(frames)) {
  auto const& before = frames_.before;
  auto const& behind = frames_.behind;
  bool const apart = before.empty() || behind.empty() || before.back() < behind.front();
  ascending_ = apart && strictly_ascending(before) && strictly_ascending(behind);
  highest_before_ = frames_.size_before.value_or(0);
  for (std::uint32_t const page : before) highest_before_ = std::max(highest_before_, page);
}

std::uint32_t LogTransaction::size_after(LogHeader const& header) const noexcept {
  return header.commit != 0 ? header.commit : frames_.commit;
}

bool LogTransaction::allows(LogHeader const& header) const noexcept {
  auto const size = size_after(header);
  if (header.page == 0 || (size != 0 && header.page > size)) return false;
  return allows_commit(header) && in_order(header.page);
}

/// The database has not more pages than it had or were written, and not fewer.
bool LogTransaction::allows_commit(LogHeader const& header) const noexcept {
  if (header.commit == 0) return true;
  auto const least = std::max(highest_before_, header.page);
  if (frames_.size_later && header.commit > *frames_.size_later) return false;
  return frames_.size_before ? header.commit == least : header.commit >= least;
}

bool LogTransaction::in_order(std::uint32_t page) const noexcept {
  if (!ascending_) return true;
  return (frames_.before.empty() || frames_.before.back() < page) &&
         (frames_.behind.empty() || page < frames_.behind.front());
}

bool LogTransaction::needs(LogHeader const& header) const noexcept {
  return frames_.size_before && header.page > *frames_.size_before && header.page <= size_after(header) &&
         !contains(frames_.before, header.page) && !contains(frames_.behind, header.page);
}

}  // namespace logboom::store
