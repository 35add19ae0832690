// One round of a speaker: what became of the connection, what the collector says, what is to be said, what is to be sent.
#include "delivery/speaker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace logboom::delivery {
namespace {

constexpr int kBatchesARound = 16;            // then control has its turn
constexpr std::uint64_t kRarest = 3'600'000;  // ms between two reports
constexpr int kMessagesARound = 256;          // then batches have theirs

}  // namespace

Speaker::Speaker(Link& link, std::vector<Endpoint> endpoints, wire::Publisher const& publisher,
                 Outgoing& feed, Hooks hooks)
    : link_(&link),
      endpoints_(std::move(endpoints)),
      publisher_(&publisher),
      feed_(&feed),
      hooks_(std::move(hooks)) {
  open_streams();
}

bool Speaker::step(std::int64_t now) {
  try_next_collector(now);
  if (!open_) return false;
  bool worked = follow_connection(now);
  if (!open_) return worked;
  worked |= hear(now);
  stale_ = window_.rewound() || stale_;
  if (stale_) {
    link_->reopen_push();
    stale_ = false;
    worked = true;
  }
  if (window_.moved()) {
    reset_batch();
    feed_->rewind();
  }
  greet(now);
  worked |= send(now);
  part(now);
  tell_state(now);
  return worked;
}

void Speaker::try_next_collector(std::int64_t now) {
  if (open_ && window_.welcomed()) {
    silent_since_ = now;
    return;
  }
  // One that refuses is asked again on another connection: rights are looked up when it is made.
  bool const alone = endpoints_.size() == 1 && refusal_.empty();
  if (open_ && (alone || now - silent_since_ < kFailover)) return;
  if (!open_ && silent_since_ != INT64_MIN && now - silent_since_ < kFailover) return;
  if (open_) active_ = (active_ + 1) % endpoints_.size();
  silent_since_ = now;
  window_.change_collector();
  reset_batch();
  try {
    link_->open(endpoints_[active_]);
    stale_ = false;
    open_ = true;
  } catch (LinkRefusal const& error) {
    refused(level::kError, fmt::format("cannot connect to {}: {}", endpoints_[active_].text, error.what()));
    shut(now);
  } catch (LinkError const& error) {
    report_once(level::kWarning, fmt::format("cannot connect to {}: {}; trying again every few seconds",
                                             endpoints_[active_].text, error.what()));
    shut(now);
  }
}

/// Until it is time for the next attempt, at the next address.
void Speaker::shut(std::int64_t now) {
  link_->close();
  open_ = false;
  silent_since_ = now;
  active_ = (active_ + 1) % endpoints_.size();
}

void Speaker::refused(Level level, std::string line) {
  refusal_ = line;
  report_once(level, std::move(line));
}

bool Speaker::follow_connection(std::int64_t now) {
  bool changed = false;
  while (auto const change = link_->change()) {
    changed = true;
    if (*change == Link::Change::kConnected)
      window_.connected(now);
    else
      window_.disconnected();
    if (*change != Link::Change::kRefused) continue;
    refused(level::kError,
            fmt::format("the collector at {} refuses: {}", endpoints_[active_].text, link_->reason()));
    shut(now);
    break;
  }
  return changed;
}

bool Speaker::hear(std::int64_t now) {
  bool heard = false;
  for (int i = 0; i < kMessagesARound; ++i) {
    auto const message = link_->hear();
    if (!message) break;
    take(*message, now);
    heard = true;
  }
  heard_ = heard_ || heard;
  release_due_ = release_due_ || heard;
  if (release_due_) feed_->release(window_, now);
  release_due_ = false;  // not where it throws: there may be nothing more to hear
  return heard;
}

void Speaker::take(Control const& message, std::int64_t now) {
  if (auto const* welcome = std::get_if<Welcome>(&message)) {
    if (welcome->version != wire::kVersion) {
      return report_once(level::kError,
                         fmt::format("the collector at {} speaks version {} of the protocol, this publisher "
                                     "version {}; update the older one",
                                     endpoints_[active_].text, welcome->version, wire::kVersion));
    }
    if (auto const objection = hooks_.objection ? hooks_.objection(*welcome) : std::string();
        !objection.empty())
      return report_once(level::kError,
                         fmt::format("the collector at {} {}", endpoints_[active_].text, objection));
    refusal_.clear();
    window_.welcome(*welcome, now);
    obey(welcome->levels);
    state_every_ = static_cast<std::int64_t>(std::min<std::uint64_t>(welcome->report_every, kRarest));
    state_.reset();  // it may be another collector
  } else if (auto const* ack = std::get_if<Ack>(&message)) {
    window_.ack(*ack, now);
  } else if (auto const* resend = std::get_if<Resend>(&message)) {
    window_.resend(*resend, now);
  } else if (auto const* levels = std::get_if<Levels>(&message)) {
    obey(levels->rules);
  } else if (auto const* bye = std::get_if<Bye>(&message)) {
    if (!ending_ || bye->id != publisher_->id) return;
    window_.bye_answered();
    // To one that was said before the last hello: by that the collector has heard of this publisher again, and waits for another.
    bye_answered_ = !greeted_;
  } else if (auto const* error = std::get_if<Error>(&message)) {
    auto line = fmt::format("the collector at {} refuses: {}", endpoints_[active_].text, error->text);
    if (window_.welcomed())
      report_once(level::kError, std::move(line));
    else
      refused(level::kError, std::move(line));
  }
}

void Speaker::obey(std::string const& rules) {
  if (rules == rules_ || !hooks_.levels) return;
  rules_ = rules;
  try {
    hooks_.levels(rules);
  } catch (std::invalid_argument const& error) {
    report_once(level::kWarning, fmt::format("level rules from the collector at {} are ignored: {}",
                                             endpoints_[active_].text, error.what()));
  }
}

void Speaker::greet(std::int64_t now) {
  // After the answer to a bye it would be one that has come back, and whose bye is waited for.
  if (bye_answered_ || !window_.hello_due(now) ||
      !link_->say(Hello{wire::kVersion, *publisher_, window_.hello_streams()}))
    return;
  window_.said_hello(now);
  known_ = greeted_ = true;
}

bool Speaker::send(std::int64_t now) {
  bool sent = false;
  blocked_ = false;
  for (int i = 0; i < kBatchesARound && window_.may_send(); ++i) {
    if (window_.outdated(batch_.ranges)) batch_ = feed_->next(window_);
    if (batch_.ranges.empty()) break;
    blocked_ = !link_->send(batch_.bytes);
    if (blocked_) break;
    window_.sent(batch_.ranges, batch_.bytes.size(), now);
    for (auto const& range : batch_.ranges) sent_ += range.end - range.first;
    reset_batch();
    sent = true;
  }
  return sent;
}

void Speaker::reset_batch() {
  batch_ = {};
  blocked_ = false;
}

void Speaker::part(std::int64_t now) {
  if (hurry_ && window_.welcomed()) hurry_ = !link_->say(Flush{++flushes_});
  if (!ending_) return;
  if (!drained()) {
    bye_answered_ = false;  // the collector has forgotten this publisher with its answer, and is told anew
    return;
  }
  if (bye_answered_ || !window_.bye_due(now)) return;
  if (!link_->say(Bye{publisher_->id, window_.last()})) return;
  window_.said_bye(now);
  greeted_ = false;
}

void Speaker::tell_state(std::int64_t now) {
  if (state_every_ == 0 || now < state_next_ || !hooks_.state || !window_.welcomed()) return;
  state_next_ = now + state_every_;
  auto state = hooks_.state();
  if (state_ != state && link_->say(Report{publisher_->id, state})) state_ = std::move(state);
}

bool Speaker::committed(std::vector<std::pair<std::uint64_t, std::uint64_t>> const& ends) const {
  return std::all_of(ends.begin(), ends.end(),
                     [&](auto const& end) { return window_.committed(end.first) + 1 >= end.second; });
}

void Speaker::report_once(Level level, std::string line) {
  if (line == reported_) return;
  reported_ = std::move(line);
  if (hooks_.report) hooks_.report(level, reported_);
}

}  // namespace logboom::delivery
