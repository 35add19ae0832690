// The steps by which a store's name goes from a full file to the next one, and what a death amid them leaves. docs/store.md, "Many files", says why they are these.
// Must not know SQLite or what the files hold.
#pragma once

#include <functional>
#include <string>

namespace logboom::store {

/// In this order; the first is the end of finish_next().
enum class RotationStep { kNextWhole, kLinked, kLogRemoved, kRenamed };

/// Gives the current file the name `closed` besides its own, and then its own to the next file. The current one must be settled, and no longer written to; the next one whole.
/// @param current true for the path of a file that it is. @param after_step for tests.
/// @throws std::system_error; the store's name then stands for the one or the other, and undo_rotation() makes it well.
void rotate(std::string const& path, std::string const& closed,
            std::function<bool(std::string const&)> const& current,
            std::function<void(RotationStep)> const& after_step);

/// What was not finished is taken back: the current file loses the second name, the next one goes. By who holds the writer's lock; nobody makes the next file meanwhile.
void undo_rotation(std::string const& path) noexcept;

/// Gives the next file, whole, the store's name where no file has it. @throws std::system_error
void begin_store(std::string const& path);

}  // namespace logboom::store
