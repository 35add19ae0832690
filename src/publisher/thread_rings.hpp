// The rings of the calling thread, one for each publisher it has logged to; given back when the thread ends.
// Must not know records.
#pragma once

#include "publisher/engine.hpp"
#include "publisher/state.hpp"

#include <logboom/detail/call_site.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::publisher {

class ThreadRings {
 public:
  struct Entry {
    State* publisher = nullptr;
    std::uint64_t generation = 0;
    std::shared_ptr<Engine> engine;
    std::shared_ptr<RingSlot> slot;
    detail::Producer* producer = nullptr;
    bool gave_up = false;  // waited for room in vain: drop at once until there is some
  };

  /// nullptr once the thread's storage is gone (destructors of other thread_locals, statics).
  static ThreadRings* mine() noexcept;

  /// The entry of a publisher in this process, or nullptr. Entries that a fork has made void are put out of reach.
  Entry* find(State const& publisher, std::uint64_t generation);
  /// Takes a ring of the engine; nullptr when there is none to be had. @throws std::bad_alloc
  Entry* add(State& publisher, std::uint64_t generation, std::shared_ptr<Engine> engine);
  /// Gives back the rings of a publisher, or of all (nullptr).
  void give_back(State const* publisher) noexcept;

  /// The name of the thread from its next record on.
  void set_name(std::string_view name);
  /// The number as well, in place of the system's.
  void set_identity(std::uint64_t number, std::string_view name);

  ThreadRings() = default;
  ThreadRings(ThreadRings const&) = delete;
  ThreadRings& operator=(ThreadRings const&) = delete;
  ~ThreadRings();

 private:
  std::vector<Entry> entries_;
  std::string name_;                     // "": the system's
  std::optional<std::uint64_t> number_;  // none: the system's
};

}  // namespace logboom::publisher
