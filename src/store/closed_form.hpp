// The form that a closed file of the store is brought to: one file, that reading leaves nothing beside. Must not know which files there are.
#pragma once

#include "store/closed_files.hpp"

#include <logboom/retention.hpp>

#include <functional>

namespace logboom::store {

/// Asked every few milliseconds: false to stop.
using GoOn = std::function<bool()>;

/// Brings the file to the form that the options ask for; does nothing when it has it. Can be done again after a death at any step.
/// @return false: it was told to stop, and the file is as it was. @throws StoreError
bool finish_closed(ClosedFile const& file, RetentionOptions const& options, GoOn const& go_on);

}  // namespace logboom::store
