// A subscriber's records to stdout, what was missed to stderr. Must not know how records are received.
#include "cli/watch.hpp"

#include "cli/commands.hpp"
#include "cli/one_collector.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

namespace logboom::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr auto kPatience = 2s;  // before saying that nobody answers
constexpr auto kForever = std::chrono::hours{24 * 365};

std::atomic<Subscriber*> watching{nullptr};
static_assert(std::atomic<Subscriber*>::is_always_lock_free);

void on_signal(int) {
  if (auto* const subscriber = watching.load()) subscriber->stop();
}

/// While it lives, SIGINT and SIGTERM end the subscriber's waiting.
class StopOnSignal {
 public:
  explicit StopOnSignal(Subscriber& subscriber) {
    watching = &subscriber;
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
  }
  ~StopOnSignal() { watching = nullptr; }
  StopOnSignal(StopOnSignal const&) = delete;
  StopOnSignal& operator=(StopOnSignal const&) = delete;
};

class Watch {
 public:
  Watch(SubscriberOptions options, OutputOptions const& output, WatchOptions const& until)
      : endpoint_(one_collector(options.endpoint).text),
        until_(until),
        output_(output),
        subscriber_(std::move(options)),
        stop_(subscriber_),
        deadline_(Clock::now() + (until.timeout ? *until.timeout : milliseconds{kForever})) {}

  void run() {
    wait_for_collector();
    std::size_t shown = 0;
    while (!until_.count || shown < *until_.count) {
      // What is at hand is shown in one go; the reader's patience begins when nothing is.
      auto record = subscriber_.next(0ms);
      if (!record) {
        output_.flush();
        tell_missed();
        record = subscriber_.next(std::min(1000ms, left()));
        if (!record && (subscriber_.stopped() || subscriber_.ended())) break;
      }
      if (record) {
        output_.show(*record);
        ++shown;
      }
      if (Clock::now() >= deadline_) break;  // also while they come faster than they are shown
    }
    output_.flush();
    tell_missed();
  }

 private:
  milliseconds left() const {
    return std::max(0ms, std::chrono::ceil<milliseconds>(deadline_ - Clock::now()));
  }

  void wait_for_collector() {
    if (subscriber_.wait_until_live(std::min(milliseconds{kPatience}, left()))) return;
    if (!subscriber_.stopped() && left() > 0ms) {
      tell(fmt::format("no collector answers at {} yet; waiting (start one with `logboom collect`)", endpoint_));
      while (!subscriber_.wait_until_live(std::min(1000ms, left())) && !subscriber_.stopped() && left() > 0ms) {
      }
    }
    if (subscriber_.stopped()) throw ExitWith{kOk};
    if (left() == 0ms && !subscriber_.wait_until_live(0ms)) {
      throw Failure(
          kUnreachable,
          fmt::format(
              "{}: no collector answered in time; start one with `logboom collect` or name another address",
              endpoint_));
    }
  }

  void tell_missed() {
    auto const missed = subscriber_.missed();
    if (missed == told_) return;
    auto const line = fmt::format("-- {} records missed --\n", missed - told_);
    [[maybe_unused]] auto const written = std::fwrite(line.data(), 1, line.size(), stderr);  // closed or not
    told_ = missed;
  }

  std::string endpoint_;
  WatchOptions until_;
  Output output_;
  Subscriber subscriber_;
  StopOnSignal stop_;
  Clock::time_point deadline_;
  std::uint64_t told_ = 0;
};

}  // namespace

void watch(SubscriberOptions options, OutputOptions const& output, WatchOptions const& until) {
  std::signal(SIGPIPE, SIG_IGN);  // the write tells
  try {
    Watch(std::move(options), output, until).run();
  } catch (OutputClosed const&) {
    return;
  } catch (RefusedError const& error) {
    throw Failure(kUnreachable, error.what());
  }
}

}  // namespace logboom::cli
