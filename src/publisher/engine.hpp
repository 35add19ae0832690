// The running half of a publisher, from its first record in this process to its end: spool, rings, catalogue, counters and what the
// sender thread needs of them. Made anew in a forked child, which leaves the parent's alone. Must not know sockets.
#pragma once

#include "delivery/endpoint.hpp"
#include "publisher/fork.hpp"
#include "publisher/loggers.hpp"
#include "publisher/settings.hpp"
#include "record/wire.hpp"
#include "spool/ring_file.hpp"
#include "spool/spool.hpp"

#include <logboom/detail/call_site.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::publisher {

class Engine;
class Sender;

/// One ring and who uses it. Shared by the engine, the sender and the thread that writes it; unmapped when all have let go.
struct RingSlot {
  enum class State : std::uint8_t {
    kOwned,     // a thread writes it
    kReturned,  // its thread ended: nobody writes it; the sender drains it …
    kFree,      // … and sets this once it is empty: the next thread may have it
  };

  explicit RingSlot(spool::RingFile ring) : file(std::move(ring)) {}

  spool::RingFile file;
  std::atomic<State> state{State::kOwned};
};

/// The ring of all threads that have none of their own.
struct SharedRing : detail::Producer {
  ForkLock& lock = ForkLock::make();
  std::shared_ptr<RingSlot> slot;
  std::shared_ptr<Engine> holder;  // of the place given out, while `lock` is held
  std::atomic<bool> gave_up{false};
};

/// Wakes the sender: when a ring runs past its half, when a thread waits for room, on flush and stop.
class Wakeup {
 public:
  Wakeup();  // @throws std::system_error
  ~Wakeup();
  Wakeup(Wakeup const&) = delete;
  Wakeup& operator=(Wakeup const&) = delete;

  /// For poll(2): readable after wake(). Close-on-exec.
  int fd() const noexcept { return fd_; }
  /// From any thread; a system call only if none is pending.
  void wake() noexcept;
  /// As wake(), but only while the sender dozes: one that looks every millisecond needs no system call out of a log call.
  void nudge() noexcept;
  /// By the sender, whether it is going to look rarely; it looks at the rings once more after it said so.
  void doze(bool rarely) noexcept;
  /// By the sender, before it looks for work. `readable`: fd() was.
  void clear(bool readable) noexcept;

 private:
  int fd_;
  std::atomic<bool> pending_{false};
  std::atomic<std::uint32_t> dozing_{0};
};

/// Kept by whoever causes them; read by statistics(). All relaxed.
struct Counters {
  std::atomic<std::uint64_t> dropped{0};         // front: records that found no room, or no ring at all
  std::atomic<std::uint64_t> acked{0};           // sender: records (gaps counted) that a collector has stored
  std::atomic<std::uint64_t> sent{0};            // sender: records handed to the socket, repeats included
  std::atomic<std::uint64_t> resent{0};          // sender: of those, sent before
  std::atomic<std::uint64_t> spilled{0};         // sender: records moved to the overflow
  std::atomic<std::uint64_t> overflow_bytes{0};  // sender: what the overflow holds now
  std::atomic<std::uint64_t> adopted{0};         // replay: spools of dead publishers taken over
  std::atomic<bool> connected{false};  // sender: a collector has said welcome and is not known to be gone
};

/// What a batch must name: call sites of the process, loggers of the publisher. Lock-free; any thread.
class EngineCatalogue final : public wire::Catalogue {
 public:
  explicit EngineCatalogue(Loggers const& loggers) : loggers_(&loggers) {}
  wire::CallSite site(std::uint64_t ref) const override;
  std::string_view logger(std::uint64_t ref) const override;

 private:
  Loggers const* loggers_;
};

class Engine {
 public:
  /// Makes identity and spool (under Settings::spool_root, else in memory, else none: see problem()), the shared ring and the sender.
  /// Does not throw for a spool that cannot be had. @throws std::bad_alloc and the like
  Engine(Settings const& settings, Loggers& loggers);
  ~Engine();
  Engine(Engine const&) = delete;
  Engine& operator=(Engine const&) = delete;

  Settings const& settings() const noexcept { return *settings_; }
  wire::Publisher const& identity() const noexcept { return identity_; }
  wire::Catalogue const& catalogue() const noexcept { return catalogue_; }
  /// The publisher's own directory, or nullptr when none could be made (every record is dropped and counted then; there are no rings).
  spool::Spool* spool() noexcept { return spool_.get(); }
  bool memory_backed() const noexcept { return memory_backed_; }
  Wakeup& wakeup() noexcept { return wakeup_; }
  Counters& counters() noexcept { return counters_; }

  // --- for the sender
  /// Goes up when a ring is added; compare before you ask for slots() again.
  std::uint64_t slots_version() const noexcept { return slots_version_.load(std::memory_order_acquire); }
  std::vector<std::shared_ptr<RingSlot>> slots() const;
  /// Writes the gap frame for drops that the ended thread of a returned, drained ring could not declare. True when there was one.
  static bool declare_drops(RingSlot& slot) noexcept;
  /// A record of logger `logboom.publisher`. Never waits for room. Any thread.
  void report(Level level, std::string_view text) noexcept;
  /// Writes to the spool's catalogue what could not be written before (disk full). Takes catalogue_lock().
  void complete_catalogue() noexcept;
  void set_refusal(std::string line);
  /// Rules from a collector, on top of the publisher's own; "" takes them back. @throws std::invalid_argument
  void push_level_rules(std::string_view rules);

  // --- for threads that log
  /// A ring for the calling thread: a free one, or a new one; nullptr when there are too many or none can be made (use shared(); where the system refuses
  /// one, it is asked again after a second).
  std::shared_ptr<RingSlot> take_slot(std::uint64_t tid, std::string_view name) noexcept;
  /// The thread that had it is done.
  void return_slot(RingSlot& slot, detail::RingProducer& producer) const noexcept;
  /// Where there is no sender to do it, by the thread that writes the ring: see RingFile::seal().
  void seal_unsent(RingSlot& slot) const noexcept {
    if (alone_) slot.file.seal();
  }
  /// nullptr without spool.
  SharedRing* shared() noexcept { return shared_.slot ? &shared_ : nullptr; }

  // --- for the registry, under catalogue_lock()
  Loggers const& loggers() const noexcept { return *loggers_; }
  void append_site(std::uint32_t id) noexcept;
  void append_logger(std::uint32_t id) noexcept;
  void append_all() noexcept;

  // --- for Publisher
  bool flush(std::chrono::nanoseconds timeout);
  /// Bounded flush, then the end of the sender. The rings stay mapped while their threads hold them.
  void stop(std::chrono::nanoseconds timeout) noexcept;
  std::uint64_t logged() const noexcept;  // records that took a sequence number
  std::string refusal() const;  // one line: why no collector takes anything from here; "" if none says so
  std::string problem() const;  // one line: why the spool is not where it was asked for, and the like; "" if all is well

 private:
  void open_spool();
  bool open_spool_in(std::filesystem::path const& root) noexcept;
  void open_shared_ring();
  std::shared_ptr<RingSlot> make_slot(spool::Spool const& spool, std::uint64_t stream);
  void publish_catalogue();
  void start_sender() noexcept;
  void add_problem(std::string_view text);
  void report_start() noexcept;

  Settings const* settings_;
  Loggers* loggers_;
  wire::Publisher identity_;
  std::shared_ptr<spool::Spool> spool_;  // a thread that makes its ring meanwhile keeps it over stop()
  bool memory_backed_ = false;
  std::uint32_t sites_written_ = 0, loggers_written_ = 0;  // to the spool's catalogue; under catalogue_lock()
  std::atomic<bool> sites_missing_{false}, loggers_missing_{false};  // in the spool's catalogue
  std::string problem_;
  mutable std::mutex refusal_mutex_;
  std::string refusal_;
  EngineCatalogue catalogue_;
  Wakeup wakeup_;
  Counters counters_;
  ForkLock& slots_lock_;
  std::vector<std::shared_ptr<RingSlot>> slots_;
  std::atomic<std::uint64_t> slots_version_{0};
  std::uint64_t next_stream_ = 0;                       // this and the next under slots_lock_
  std::chrono::steady_clock::time_point ring_again_{};  // not before: the system refused one
  SharedRing shared_;
  std::unique_ptr<Sender> sender_;
  bool alone_ = false;  // no sender could be started; constant once the constructor is done
};

}  // namespace logboom::publisher
