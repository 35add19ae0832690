// What one log call touches besides its arguments: the call site, the logger's node, the thread's ring. Constant-initialised, so that a
// call needs no guard. Must not include anything heavy: every log call includes this.
#pragma once

#include <logboom/detail/atomic.hpp>
#include <logboom/detail/ring.hpp>
#include <logboom/export.hpp>
#include <logboom/level.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace logboom::publisher {
class State;
}

namespace logboom::detail {

/// The fixed part of a log call. One static object each; lives as long as the process.
struct CallSite {
  Level level;
  std::uint32_t line;
  char const* text;  ///< the template
  char const* file;
  char const* function;
  Atomic<std::uint32_t> id{};  ///< 0: not registered yet
};

/// A logger of a publisher. Never freed: a Logger may outlive its Publisher.
struct LoggerNode {
  Atomic<Level> threshold;  ///< records below it are not made
  std::uint16_t id;
  Atomic<publisher::State*> live;  ///< the publisher, until it ends
  publisher::State* publisher;
  std::string_view name;
  LoggerNode* next;  ///< in its bucket of the publisher's table
};

/// One thread's hold on one ring. Lives in memory that a forked child finds zeroed: there `publisher` matches nobody and nothing fits.
struct alignas(64) Producer {
  RingProducer ring;
  publisher::State* publisher = nullptr;
  bool shared = false;  ///< the ring of all who have none: release_shared() after the record
};

/// Encoded pairs of the contexts that this thread is in.
struct ContextBuffer {
  static constexpr std::size_t kBytes = 4096;
  static constexpr std::size_t kFields = 128;
  std::uint16_t size = 0;   ///< of `bytes` in use
  std::uint16_t count = 0;  ///< pairs in them
  std::byte bytes[kBytes];
};

struct ThreadState {
  Producer* producer;            ///< never null
  ContextBuffer const* context;  ///< null: no field
};

/// What producer points to in a thread without a ring.
extern LOGBOOM_API constinit Producer no_producer;
extern LOGBOOM_API constinit thread_local ThreadState thread_state __attribute__((tls_model("initial-exec")));

/// Where a record goes, and its site's id.
struct Place {
  Producer* producer = nullptr;
  std::byte* payload = nullptr;  ///< nullptr: the record was dropped, and counted
  std::uint32_t site = 0;
};
/// Everything that the straight path of a log call could not do: registers the call site, finds or makes the thread's ring (after a fork,
/// a whole publisher), waits for room or drops. `rendered`: bit i says that argument i is text already formatted with its spec. `size`: of the payload.
LOGBOOM_API Place find_place(LoggerNode const& logger, CallSite& site, std::uint64_t rendered,
                             std::size_t size) noexcept;
/// After the commit, when the place was in the ring of all who have none.
LOGBOOM_API void release_shared(Producer& producer) noexcept;

}  // namespace logboom::detail
