// Adoption and replay of dead publishers' spools, one after the other.
#include "publisher/replay.hpp"

#include "publisher/background.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <system_error>
#include <utility>

namespace logboom::publisher {

namespace fs = std::filesystem;

Replay::Replay(zmq::context_t& context, spool::Spool spool, std::vector<delivery::Endpoint> endpoints,
               std::function<void(std::string_view)> report)
    : spool_(std::move(spool)),
      report_(std::move(report)),
      feed_(spool_, spool_.catalogue(), Feed::Kind::kDead),
      speaker_(context, std::move(endpoints), spool_.publisher(), feed_,
               {{}, [this](Level, std::string_view line) { report_(line); }}) {
  std::vector<std::string> problems;
  for (auto& ring : spool_.open_rings(problems))
    feed_.add_ring(std::make_shared<spool::RingFile>(std::move(ring)));
  unreadable_ = !problems.empty();
  for (auto const& line : spool_.problems()) report_(line);
  for (auto const& line : problems) report_(line);
  speaker_.open_streams();
  speaker_.end();
}

bool Replay::step(std::int64_t now) {
  auto const worked = speaker_.step(now);
  welcomed_ = welcomed_ || speaker_.window().welcomed();
  if (!welcomed_ || !speaker_.drained()) return worked;
  if (drained_at_ == INT64_MIN) drained_at_ = now;
  if (speaker_.bye_answered() || now - drained_at_ >= kByePatience) finish();
  return worked;
}

void Replay::finish() {
  done_ = true;
  if (!unreadable_) {
    if (!spool_.remove())
      report_(fmt::format("{}: all of it is stored, but it cannot be removed; remove it",
                          spool_.directory().string()));
    return;
  }
  // Not deleted, since somebody may know how to read it; not left in place, or it would be adopted for ever.
  auto aside = spool_.directory();
  aside += ".unreadable";
  std::error_code error;
  fs::rename(spool_.directory(), aside, error);
  report_(error ? fmt::format("{}: parts of it cannot be read, and it cannot be renamed ({}); move it away",
                              spool_.directory().string(), error.message())
                : fmt::format("{}: what cannot be read is kept here; delete it when it is of no use",
                              aside.string()));
}

namespace {

/// One run over some spools.
class Recovery {
 public:
  explicit Recovery(RecoverOptions const& options) : options_(options) {}

  void visit(fs::path const& path) {
    std::error_code error;
    if (fs::exists(path / "publisher", error)) return one(path);
    for (auto const& directory : spool::Spool::list(path)) one(directory);
  }

  Recovered const& result() const { return result_; }

 private:
  bool stopped() const { return options_.stop && options_.stop(); }
  void report(std::string_view line) const {
    if (options_.report) options_.report(line);
  }

  void one(fs::path const& directory) {
    if (stopped()) return;
    try {
      auto spool = spool::Spool::adopt(directory);
      if (!spool) {
        std::error_code error;
        if (fs::exists(directory, error)) ++result_.in_use;
        return;
      }
      if (gave_up_) {
        ++result_.left;
        return;
      }
      replay(std::move(*spool));
    } catch (std::exception const& error) {
      ++result_.unreadable;
      report(error.what());
    }
  }

  void replay(spool::Spool spool) {
    if (!context_) context_ = std::make_unique<zmq::context_t>(1);
    zmq_ctx_set(context_->handle(), ZMQ_BLOCKY, 0);
    Replay replay(*context_, std::move(spool), options_.endpoints,
                  [this](std::string_view line) { report(line); });
    std::vector<zmq_pollitem_t> items;
    std::uint64_t committed = 0;
    bool welcomed = false;
    auto progressed = monotonic_ms();
    while (!replay.done() && !stopped()) {
      auto const now = monotonic_ms();
      auto const worked = replay.step(now);
      if (replay.committed() != committed || replay.welcomed() != welcomed) progressed = now;
      committed = replay.committed();
      welcomed = replay.welcomed();
      if (now - progressed > options_.patience.count()) break;
      items.clear();
      replay.add_to(items);
      if (!worked && !replay.done()) poll(items, 10);
    }
    result_.reached = result_.reached || welcomed;
    result_.records += replay.committed();
    result_.gaps += replay.gaps();
    ++(replay.done() ? result_.spools : result_.left);
    gave_up_ = !replay.done();
  }

  RecoverOptions const& options_;
  std::unique_ptr<zmq::context_t> context_;
  Recovered result_;
  bool gave_up_ = false;
};

}  // namespace

Recovered recover(std::span<fs::path const> paths, RecoverOptions const& options) {
  Recovery recovery(options);
  for (auto const& path : paths) recovery.visit(path);
  return recovery.result();
}

}  // namespace logboom::publisher
