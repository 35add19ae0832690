// The sinks of a collector, which a reload may change while records come. Must not know what a sink does.
#pragma once

#include "collector/make_sink.hpp"
#include "sinks/sink.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace logboom::collector {

/// take() belongs to the intake; the rest is safe from any thread.
class SinkSet {
 public:
  /// @throws what sinks::check_sinks and make_sink do
  SinkSet(std::vector<SinkOptions> const& options, SinkSurroundings surroundings);
  ~SinkSet();
  SinkSet(SinkSet const&) = delete;
  SinkSet& operator=(SinkSet const&) = delete;

  void take(std::shared_ptr<Block const> const& block);
  std::vector<SinkStatus> status() const;
  void reopen();
  /// From now on these. A sink whose destination stays goes on with what it has queued, one whose options stay is not touched. Returns when those that are gone have written
  /// what they had. @throws what the constructor does; nothing is changed then
  void replace(std::vector<SinkOptions> const& options);
  /// Nothing is taken any more, and what is queued is written, where somebody takes it. status() stays. Idempotent.
  void close();

 private:
  struct Member {
    SinkOptions options;
    std::string destination;
    std::shared_ptr<sinks::Sink> sink;
  };
  using Members = std::vector<Member>;

  Members prepare(std::vector<SinkOptions> const& options) const;
  Member const* find(std::string const& destination) const;
  void exchange(Member const& old, Member& fresh);
  Members copy() const;

  SinkSurroundings const surroundings_;
  std::mutex changing_;  // one change at a time
  mutable std::mutex mutex_;
  Members members_;  // changed under both
};

}  // namespace logboom::collector
