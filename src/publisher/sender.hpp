// The publisher's own thread: takes what is in the rings to the collector, and to the overflow what the collector does not take.
// Must not know how records are written, nor the delivery protocol (src/delivery, speaker.*).
#pragma once

#include "delivery/speaker.hpp"
#include "publisher/adopter.hpp"
#include "publisher/collector_link.hpp"
#include "publisher/engine.hpp"
#include "publisher/feed.hpp"

#include <zmq.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace logboom::publisher {

/// All of it may be leaked without a destructor, as a forked child has to do.
class Sender {
 public:
  static constexpr std::int64_t kByePatience = 500;  // ms that the answer to a bye is waited for

  /// @throws std::system_error when there can be no thread
  explicit Sender(Engine& engine);
  ~Sender();
  Sender(Sender const&) = delete;
  Sender& operator=(Sender const&) = delete;

  /// Any thread. @return true when all that was logged before the call is committed by a collector; false when the time is over, or there is no spool
  bool flush(std::chrono::nanoseconds timeout);
  /// Sends what is left, says bye, ends the thread. One caller, once; later calls return what the first did.
  /// @return true when everything is committed: the spool's directory is gone then, unless a collector did not answer the bye. Takes at most `timeout`, kByePatience and about a second; with a timeout of 0
  /// what is committed already ends with a bye all the same.
  bool stop(std::chrono::nanoseconds timeout) noexcept;

  /// One round. @return whether something came or went
  bool do_work(std::int64_t now);

 private:
  struct Flush {
    bool seen = false;
    bool done = false;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ends;
  };
  /// The context may take its time to end, or never do so (a name server that does not answer): whoever is last has it.
  struct Sockets {
    zmq::context_t context{1};
    std::mutex mutex;
    std::condition_variable changed;
    bool finished = false;  // the thread touches nothing but this any more
    bool gone = false;
  };

  void run();
  bool speak(std::int64_t now);
  void failed(std::exception const& error, std::int64_t now);
  bool over(std::int64_t now);
  std::chrono::microseconds pause_after(std::int64_t quiet) const;
  void wait(bool worked, std::int64_t now);
  void look_for_rings();
  void free_slots(std::int64_t now);
  void answer_flushes();
  void count();
  delivery::PublisherReport state() const;
  void adopt();

  Engine* engine_;
  std::shared_ptr<Sockets> sockets_;
  std::optional<Feed> feed_;  // none without a spool
  std::optional<CollectorLink> link_;
  std::optional<delivery::Speaker> speaker_;
  std::optional<Adopter> adopter_;
  std::vector<std::shared_ptr<RingSlot>> slots_;
  std::uint64_t slots_version_ = UINT64_MAX;
  bool woken_ = false;          // the wakeup was readable when it was waited for last
  std::int64_t worked_at_ = 0;  // when records were sent or acked last
  std::uint64_t moved_ = 0;     // of both, so many
  std::int64_t seal_next_ = 0;
  std::int64_t speak_again_ = 0;  // not before: it failed
  std::int64_t tell_again_ = 0;   // of such failures
  std::int64_t catalogue_next_ = 0;
  std::int64_t adopt_next_ = 0;
  std::int64_t drained_at_ = INT64_MIN;
  std::uint64_t spilled_ = 0;
  std::string refusal_;  // as the engine was told

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Flush>> flushes_;
  std::atomic<bool> flush_waits_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> deadline_{INT64_MAX};
  bool all_committed_ = false;
  std::thread thread_;
};

}  // namespace logboom::publisher
