#include "store/stored_numbers.hpp"

#include <SQLiteCpp/Column.h>

namespace logboom::store {

StoredNumbers::StoredNumbers(SQLite::Database& db)
    : select_(db,
              "SELECT s.publisher_id, s.stream, r.sequence FROM record r JOIN source s ON s.id = r.source_id "
              "WHERE r.sequence IS NOT NULL AND s.publisher_id <> 0 ORDER BY 1, 2, 3") {
  next();
}

bool StoredNumbers::next() {
  more_ = more_ && select_.executeStep();
  if (more_)
    at_ = {select_.getColumn(0).getInt64(), select_.getColumn(1).getInt64(), select_.getColumn(2).getInt64()};
  return more_;
}

void StoredNumbers::without(NumberRange range, std::function<void(NumberRange const&)> const& use) {
  while (more_ && at_ < Key{range.publisher_id, range.stream, range.first}) next();
  for (; more_ && at_ <= Key{range.publisher_id, range.stream, range.last}; next()) {
    auto const number = std::get<2>(at_);
    if (number > range.first) use({range.publisher_id, range.stream, range.first, number - 1});
    range.first = number + 1;
  }
  if (range.first <= range.last) use(range);
}

}  // namespace logboom::store
