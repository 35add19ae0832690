// What the JSON of a record's fields must contain for a field test to hold, so that SQLite can pass by most rows without their being decoded.
// Must not know SQL.
#pragma once

#include <logboom/filter.hpp>

#include <string>
#include <vector>

namespace logboom::store {

/// Texts of which there is at least one.
using AnyText = std::vector<std::string>;

/// Only a first sieve: an object that lacks one of these fails the test, one that has all of them may pass or fail it. Holds for JSON as the store has it (record/value_text.hpp). Empty: it can say nothing.
std::vector<AnyText> field_sieve(FieldTest const& test);

}  // namespace logboom::store
