// How far the spans of one block are settled while its entries are gone through. Must not know what is done with them.
#pragma once

#include "record/block.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace logboom::upstream {

class SpanCursors {
 public:
  explicit SpanCursors(std::span<Span const> spans);

  /// Numbers up to `last` are settled. @return the first one that was not settled before; `first` where no span holds it
  std::uint64_t settle(PublisherId const& publisher, std::uint64_t stream, std::uint64_t first,
                       std::uint64_t last);
  /// What is not settled yet, in the order of the spans.
  void rest(std::function<void(Span const&)> const& each) const;

 private:
  std::vector<Span> left_;              // `first`: not settled; in the order given
  std::vector<std::size_t> by_stream_;  // indices, by publisher, stream and first number
  std::vector<std::uint64_t> firsts_;   // as given
  std::size_t latest_ = 0;
};

}  // namespace logboom::upstream
