// The call sites of the process, numbered at their first record, and the engines whose spools must know them before that record is seen.
// Must not know rings.
#pragma once

#include "publisher/fork.hpp"
#include "record/wire.hpp"

#include <logboom/detail/call_site.hpp>

#include <cstdint>

namespace logboom::publisher {

class Engine;
class Loggers;

/// Held while a number is given out, so that every spool has what it stands for before anybody uses it.
ForkLock& catalogue_lock();

/// Sites 0–5: a message given as a whole, by level. A process has at most 65,530 call sites of its own: those beyond log with these, so that their
/// records keep the (rounded) level and the first argument.
std::uint32_t message_site(Level level) noexcept;

/// The number of a call site, given at the first call. `rendered`: bit i says that argument i comes as text already formatted; its spec is taken out of the template.
/// @throws std::bad_alloc
std::uint32_t register_site(detail::CallSite& site, std::uint64_t rendered);

/// A number given out. Lock-free; any thread.
wire::CallSite site(std::uint64_t id) noexcept;
std::uint32_t site_count() noexcept;

/// From now on the engine hears of new sites; under catalogue_lock(), which the caller holds.
void add_engine(Engine& engine);
void remove_engine(Engine& engine) noexcept;
/// A logger has its number; under catalogue_lock().
void logger_added(Loggers const& loggers, std::uint32_t id);

}  // namespace logboom::publisher
