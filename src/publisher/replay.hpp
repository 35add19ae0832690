// Sends what a dead publisher left in its spool, in its name: with the same numbers, so that the ledger takes each record once.
// Must not know live rings, nor where spools are found.
#pragma once

#include "delivery/speaker.hpp"
#include "publisher/collector_link.hpp"
#include "publisher/feed.hpp"
#include "spool/spool.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace logboom::publisher {

/// One adopted spool on its way. One thread; never blocks.
class Replay {
 public:
  using Report = std::function<void(std::string_view)>;  // one line each

  /// @param damage told of each place in the spool that is damaged. @throws std::system_error, spool::SpoolError when its rings cannot be opened
  Replay(zmq::context_t& context, spool::Spool spool, std::vector<delivery::Endpoint> endpoints,
         curve::ClientKeys keys, Report report, Report const& damage);
  Replay(Replay const&) = delete;
  Replay& operator=(Replay const&) = delete;

  /// @return whether something came or went
  bool step(std::int64_t now);
  /// Until there may be something to do, `most` at the longest.
  void wait(std::chrono::milliseconds most) { link_.wait(-1, speaker_.blocked(), most); }

  /// All is committed, the collector has answered the bye, and the directory is gone (or, if part of it could not be read, set aside as NAME.unreadable).
  bool done() const { return done_; }
  bool welcomed() const { return welcomed_; }         // ever
  bool answered() const { return speaker_.heard(); }  // ever, if only with a refusal
  std::string const& refusal() const { return speaker_.refusal(); }
  std::uint64_t committed() const { return speaker_.window().acked(); }
  std::uint64_t gaps() const { return feed_.gaps(); }

 private:
  bool add_rings(Report const& damage);
  void finish();

  spool::Spool spool_;
  Report report_;
  Feed feed_;
  bool unreadable_;  // part of it
  CollectorLink link_;
  delivery::Speaker speaker_;
  bool welcomed_ = false;
  bool done_ = false;
};

}  // namespace logboom::publisher
