// Records read in one go, to be visited when nothing of the store is held any more. Must not know where they come from.
#pragma once

#include <logboom/record.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace logboom::store {

inline constexpr std::size_t kPageRecords = 256;
inline constexpr std::size_t kPageBytes = 1U << 20U;

class Page {
 public:
  void add(Record record) {
    bytes_ += record.message.size() + record.exception.size() + record.stack.size();
    records_.push_back(std::move(record));
  }
  bool full() const noexcept { return records_.size() >= kPageRecords || bytes_ >= kPageBytes; }
  /// False once `visit` returned false. Empties the page.
  bool visit(std::function<bool(Record const&)> const& visit) {
    bytes_ = 0;
    std::vector<Record> const records = std::exchange(records_, {});
    return std::all_of(records.begin(), records.end(), visit);
  }

 private:
  std::vector<Record> records_;
  std::size_t bytes_ = 0;
};

}  // namespace logboom::store
