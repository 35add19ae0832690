// Sends what dead publishers left in their spools, in their name: with the same numbers, so that the ledger takes each record once.
// For a running publisher, the collector on the same host and `logboom recover`. Must not know live rings.
#pragma once

#include "publisher/speaker.hpp"
#include "spool/spool.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::publisher {

/// One adopted spool on its way. One thread; never blocks.
class Replay {
 public:
  static constexpr std::int64_t kByePatience = 1000;  // ms; all is committed by then, bye is a courtesy

  /// @throws std::system_error, spool::SpoolError when its rings cannot be opened
  Replay(zmq::context_t& context, spool::Spool spool, std::vector<delivery::Endpoint> endpoints,
         std::function<void(std::string_view)> report);
  Replay(Replay const&) = delete;
  Replay& operator=(Replay const&) = delete;

  /// @return whether something came or went
  bool step(std::int64_t now);
  void add_to(std::vector<zmq_pollitem_t>& items) { speaker_.add_to(items); }

  /// All is committed and the directory is gone (or, if part of it could not be read, set aside as NAME.unreadable).
  bool done() const { return done_; }
  bool welcomed() const { return welcomed_; }  // ever
  std::uint64_t committed() const { return speaker_.window().acked(); }
  std::uint64_t gaps() const { return feed_.gaps(); }

 private:
  void finish();

  spool::Spool spool_;
  std::function<void(std::string_view)> report_;
  Feed feed_;
  Speaker speaker_;
  bool unreadable_ = false;
  bool welcomed_ = false;
  bool done_ = false;
  std::int64_t drained_at_ = INT64_MIN;
};

struct RecoverOptions {
  std::vector<delivery::Endpoint> endpoints;
  std::chrono::milliseconds patience{10'000};  // without progress: what is left stays for the next who comes
  std::function<void(std::string_view)> report;  // one line each: what could not be read, or why a collector refuses
  std::function<bool()> stop;                    // asked every few milliseconds
};

struct Recovered {
  std::uint64_t spools = 0;      // sent to the end and removed
  std::uint64_t records = 0;     // committed, gaps included
  std::uint64_t gaps = 0;        // records declared lost
  std::uint64_t left = 0;        // free spools that stay: no collector, or it stopped taking
  std::uint64_t in_use = 0;      // of running publishers
  std::uint64_t unreadable = 0;  // left as they are
  bool reached = false;          // a collector answered
};

/// Adopts every free spool (each path is a spool, or a directory of spools) and sends it to its end. Blocks, with a few milliseconds of response to `stop`.
/// Never throws for what it finds in the spools.
Recovered recover(std::span<std::filesystem::path const> paths, RecoverOptions const& options);

}  // namespace logboom::publisher
