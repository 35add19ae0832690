// See span_cursors.hpp.
#include "upstream/span_cursors.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace logboom::upstream {

SpanCursors::SpanCursors(std::span<Span const> spans)
    : left_(spans.begin(), spans.end()), by_stream_(spans.size()), firsts_(spans.size()) {
  std::transform(spans.begin(), spans.end(), firsts_.begin(), [](Span const& span) { return span.first; });
  std::iota(by_stream_.begin(), by_stream_.end(), std::size_t{0});
  std::sort(by_stream_.begin(), by_stream_.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(left_[a].publisher, left_[a].stream, firsts_[a]) <
           std::tie(left_[b].publisher, left_[b].stream, firsts_[b]);
  });
}

std::uint64_t SpanCursors::settle(PublisherId const& publisher, std::uint64_t stream, std::uint64_t first,
                                  std::uint64_t last) {
  auto const holds = [&](std::size_t i) {
    return left_[i].publisher == publisher && left_[i].stream == stream && firsts_[i] <= first &&
           last <= left_[i].last;
  };
  if (latest_ >= left_.size() || !holds(latest_)) {
    auto const next =
        std::upper_bound(by_stream_.begin(), by_stream_.end(), std::tie(publisher, stream, first),
                         [this](auto const& wanted, std::size_t i) {
                           return wanted < std::tie(left_[i].publisher, left_[i].stream, firsts_[i]);
                         });
    if (next == by_stream_.begin() || !holds(*(next - 1))) return first;
    latest_ = *(next - 1);
  }
  auto& span = left_[latest_];
  auto const from = std::min(span.first, first);
  span.first = std::max(span.first, last + 1);
  return from;
}

void SpanCursors::rest(std::function<void(Span const&)> const& each) const {
  for (auto const& span : left_) {
    if (span.first <= span.last) each(span);
  }
}

}  // namespace logboom::upstream
