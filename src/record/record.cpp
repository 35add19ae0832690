// What a reader asks of a record. Knows nothing of where records come from.
#include <logboom/record.hpp>

#include <algorithm>

namespace logboom {

Value const* find_field(Record const& record, std::string_view name) noexcept {
  for (Fields const* fields : {&record.fields, &record.attributes}) {
    auto const at =
        std::find_if(fields->begin(), fields->end(), [&](auto const& field) { return field.first == name; });
    if (at != fields->end()) return &at->second;
  }
  return nullptr;
}

}  // namespace logboom
