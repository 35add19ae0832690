// Answering publishers. Must not know sockets or threads.
#include "collector/control_server.hpp"

#include "collector/publisher_page.hpp"
#include "posix/fault_point.hpp"
#include "record/forward.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace logboom::collector {
namespace {

/// For a publisher that has heard of `told`, where there is room for `now`.
bool is_much(std::uint64_t told, std::uint64_t now) { return told > now + now / 2; }

std::string name_of(wire::Publisher const& who) {
  return fmt::format("{} (pid {} on {})", who.process.empty() ? "publisher" : who.process, who.pid, who.host);
}

/// Leaves out what there is too much of for one message: publishers first, who can be asked for again. @return false: nothing more can be left out
bool shorten(delivery::Status& status) {
  if (!status.publishers.empty()) {
    auto const kept = status.publishers.size() / 2;
    status.not_listed += status.publishers.size() - kept;
    status.publishers.resize(kept);
    return true;
  }
  for (auto* list : {&status.inputs, &status.insecure, &status.endpoints}) {
    if (list->empty()) continue;
    list->pop_back();
    return true;
  }
  if (status.sinks.empty()) return false;
  status.sinks.pop_back();
  return true;
}

/// A peer that has any of these rights may send the message.
struct Needed {
  curve::Rights any_of;
  char const* what;
};

/// Nothing: all may who are let in.
std::optional<Needed> needed_for(delivery::Control const& message) {
  constexpr curve::Rights kPublish{true, false, false};
  constexpr curve::Rights kLook{false, true, true};
  if (std::holds_alternative<delivery::Hello>(message) || std::holds_alternative<delivery::Flush>(message) ||
      std::holds_alternative<delivery::Bye>(message) || std::holds_alternative<delivery::Report>(message))
    return Needed{kPublish, "publish"};
  if (std::holds_alternative<delivery::Missed>(message)) return Needed{{false, true, false}, "view"};
  if (std::holds_alternative<delivery::AskStatus>(message)) return Needed{kLook, "view, nor control"};
  auto const* const rules = std::get_if<delivery::ChangeRules>(&message);
  if (rules == nullptr) return std::nullopt;
  if (rules->set || rules->reset) return Needed{{false, false, true}, "control"};
  return Needed{kLook, "view, nor control"};
}

bool overlap(curve::Rights const& left, curve::Rights const& right) {
  return (left.publish && right.publish) || (left.view && right.view) || (left.control && right.control);
}

}  // namespace

ControlServer::ControlServer(Facts facts, delivery::ReceiverLedger& ledger, PublisherTable& publishers,
                             OwnLog& log, Send send, Clock wall)
    : facts_(std::move(facts)),
      ledger_(ledger),
      publishers_(publishers),
      log_(log),
      send_(std::move(send)),
      wall_(std::move(wall)),
      levels_(facts_.levels, facts_.rules_file, facts_.host, publishers, log, wall_,
              [this](ConnectedPublisher& publisher, std::string const& rules) {
                return give_rules(publisher, rules);
              }) {}

int ControlServer::take(std::string const& route, std::span<std::byte const> frame, std::int64_t last_id,
                        std::int64_t now, std::string_view user) try {
  auto message = delivery::decode(frame);
  int cost = 1;
  if (admission_ != nullptr && !may(route, message, user)) return cost;
  std::visit(
      [&](auto& one) {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Kind, delivery::Hello>) {
          on_hello(route, one, now);
        } else if constexpr (std::is_same_v<Kind, delivery::Flush>) {
          on_flush(route, one.token);
        } else if constexpr (std::is_same_v<Kind, delivery::Bye>) {
          on_bye(route, std::move(one), now);
        } else if constexpr (std::is_same_v<Kind, delivery::Report>) {
          on_report(route, one, now);
        } else if constexpr (std::is_same_v<Kind, delivery::Missed>) {
          missed_ += one.records;
        } else if constexpr (std::is_same_v<Kind, delivery::InfoRequest>) {
          on_info(route, last_id);
        } else if constexpr (std::is_same_v<Kind, delivery::ChangeRules>) {
          cost = kQuestionCost;
          answer(route, levels_.change(one));
        } else if constexpr (std::is_same_v<Kind, delivery::AskStatus>) {
          cost = kQuestionCost;
          on_ask_status(route, one);
        } else if constexpr (std::is_same_v<Kind, delivery::Unknown>) {
          refuse_frame(fmt::format("unknown kind '{:.32}'", one.kind));
        } else {
          refuse_frame("a kind that only collectors send");
        }
      },
      message);
  return cost;
} catch (wire::FrameError const& error) {
  refuse_frame(error.what());
  return 1;
} catch (StoreError const& error) {
  // The ledger could not look a stream up. Without an answer the peer asks again.
  log_.note(OwnLog::Kind::kStore, level::kError, error.what());
  return 1;
}

bool ControlServer::may(std::string const& route, delivery::Control const& message, std::string_view user) {
  auto const needed = needed_for(message);
  if (!needed || overlap(needed->any_of, Admission::rights_in(user))) return true;
  admission_->count_request(user, needed->what);
  answer(route,
         delivery::Error{fmt::format("{} may not {}; have that right added to its line in the collector's "
                                     "authorised keys (or its --allow-user), and SIGHUP sent to it",
                                     Admission::name_in(user), needed->what)});
  return false;
}

void ControlServer::refuse_frame(std::string_view reason) {
  ++bad_frames_;
  log_.note(OwnLog::Kind::kControl, level::kWarning, fmt::format("bad control message: {}", reason));
}

void ControlServer::refuse_batch(PublisherId const& id, std::string const& reason) {
  if (auto* const publisher = publishers_.find(id); publisher != nullptr && !publisher->route.empty())
    answer(publisher->route, delivery::Error{reason});
}

void ControlServer::on_hello(std::string const& route, delivery::Hello const& hello, std::int64_t now) {
  if (hello.version != wire::kVersion) {
    auto const reason = fmt::format(
        "the publisher speaks version {} of the protocol, this collector version {}; update the older one",
        hello.version, wire::kVersion);
    refuse_frame(reason);
    answer(route, delivery::Error{reason});
    return;
  }
  if (hello.publisher.id == PublisherId{}) {
    refuse_frame("hello with an id of zeros");
    answer(route, delivery::Error{"the publisher's id is all zeros; make a random one"});
    return;
  }
  if (std::find(facts_.forwarders.begin(), facts_.forwarders.end(), hello.publisher.id) !=
      facts_.forwarders.end()) {
    answer(route, delivery::Error{"this is the collector that forwards: its upstream endpoint is its own "
                                  "address; name another one"});
    return;
  }
  bool const known = publishers_.find(hello.publisher.id) != nullptr;
  auto& publisher = publishers_.enter(hello.publisher, now);
  if (publisher.joined == 0) publisher.joined = wall_();
  publishers_.reach(publisher, route);
  publisher.acks_owed.clear();  // the welcome says it all
  publisher.resends_owed.clear();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> streams;
  streams.reserve(hello.streams.size());
  for (auto const& stream : hello.streams) streams.emplace_back(stream.stream, stream.base);
  delivery::Welcome welcome{wire::kVersion,
                            facts_.epoch,
                            window(),
                            levels_.rules_for(publisher),
                            ledger_.hello(hello.publisher.id, streams),
                            wire::kForwardVersion,
                            report_every()};
  if (answer(route, welcome) == Sent::kDone) {
    told(publisher, welcome.window);
    levels_.welcomed(publisher);
  }
  // Who came first has heard of more than there now is for each.
  if (!waiting_ && is_much(widest_told_, window())) windows_owed_ = true;
  if (!known)
    log_.note(OwnLog::Kind::kPublisher, level::kInfo, fmt::format("{} joined", name_of(publisher.who)));
}

void ControlServer::on_flush(std::string const& route, std::uint64_t token) {
  if (flushes_.size() >= kMaxFlushes) return;
  flushes_.push_back({route, token, std::nullopt});
  wants_commit_ = true;
}

void ControlServer::on_bye(std::string const& route, delivery::Bye bye, std::int64_t now) {
  if (bye.last.size() > wire::kMaxStreams) {
    refuse_frame(fmt::format("bye with {} streams, {} are possible", bye.last.size(), wire::kMaxStreams));
    return;
  }
  auto* publisher = publishers_.find(bye.id);
  if (publisher == nullptr) {
    // Its hello went to an earlier collector, or this repeats a bye whose answer was lost.
    if (ledger_.complete(bye.id, bye.last)) {
      answer(route, delivery::Bye{bye.id, {}});
      return;
    }
    wire::Publisher who;
    who.id = bye.id;
    publisher = &publishers_.enter(who, now);
  }
  publishers_.reach(*publisher, route);
  publisher->heard = now;
  publishers_.await(*publisher, std::move(bye.last));
  byes_to_check_ = true;
}

void ControlServer::on_info(std::string const& route, std::int64_t last_id) {
  answer(route,
         delivery::Info{wire::kVersion, facts_.epoch, facts_.host, facts_.pid, facts_.database, last_id});
}

/// Who else knows its id cannot speak for it.
void ControlServer::on_report(std::string const& route, delivery::Report const& report, std::int64_t now) {
  auto* const publisher = publishers_.find(report.id);
  if (publisher == nullptr || publisher->route != route) return;
  publisher->heard = now;
  publisher->reported = wall_();
  publisher->report = report.report;
  if (auto& problem = publisher->report.problem; problem.size() > PublisherTable::kMaxName)
    problem.resize(PublisherTable::kMaxName);
}

void ControlServer::on_ask_status(std::string const& route, delivery::AskStatus const& question) {
  delivery::Status status;
  status.epoch = facts_.epoch;
  status.host = facts_.host;
  status.pid = facts_.pid;
  status.now = wall_();
  status.level_rules = levels_.size();
  status.missed = missed_;
  if (describe_) describe_(status);
  list_publishers(publishers_, question, status);
  while (delivery::encode(status).size() > wire::kMaxControl && shorten(status)) {
  }
  answer(route, status);
}

void ControlServer::committed(Block const& block) {
  for (auto const& progress : block.progress) publishers_.owe_ack(progress.publisher, progress.stream);
  if (!block.progress.empty()) byes_to_check_ = true;
}

void ControlServer::settle(std::uint64_t received, std::uint64_t committed) try {
  owes_ = false;
  for (auto const& id : publishers_.take_owed()) {
    auto* const publisher = publishers_.find(id);
    if (publisher == nullptr || give_owed(*publisher)) continue;
    publishers_.owe_later(*publisher);
    owes_ = true;
  }
  answer_flushes(received, committed);
  if (byes_to_check_) answer_byes();
  if (windows_owed_) tell_window();
  if (levels_.settle()) owes_ = true;
} catch (StoreError const& error) {
  log_.note(OwnLog::Kind::kStore, level::kError, error.what());
  byes_to_check_ = owes_ = true;
}

bool ControlServer::give_owed(ConnectedPublisher& publisher) {
  return give_acks(publisher) && give_resends(publisher);
}

bool ControlServer::give_acks(ConnectedPublisher& publisher) {
  auto& streams = publisher.acks_owed;
  if (streams.empty()) return true;
  std::sort(streams.begin(), streams.end());
  streams.erase(std::unique(streams.begin(), streams.end()), streams.end());
  delivery::Ack ack{facts_.epoch, window(), {}};
  ack.streams.reserve(streams.size());
  for (auto const stream : streams) {
    auto state = ledger_.state(publisher.who.id, stream);
    state.stream = stream;
    ack.streams.push_back(state);
  }
  fault_point("ack.sending");
  auto const sent = answer(publisher.route, ack);
  if (sent == Sent::kBusy) return false;
  fault_point("ack.sent");
  if (sent == Sent::kGone) gone(publisher);
  told(publisher, ack.window);
  streams.clear();
  return true;
}

bool ControlServer::give_resends(ConnectedPublisher& publisher) {
  if (publisher.resends_owed.empty()) return true;
  auto const sent = answer(publisher.route, delivery::Resend{facts_.epoch, publisher.resends_owed});
  if (sent == Sent::kBusy) return false;
  if (sent == Sent::kGone) gone(publisher);
  publisher.resends_owed.clear();
  return true;
}

bool ControlServer::give_window(ConnectedPublisher& publisher) {
  auto const now = window();
  if (publisher.route.empty() || !publisher.window) return true;
  if ((*publisher.window == 0) == waiting_ && !is_much(*publisher.window, now)) return true;
  auto const sent = answer(publisher.route, delivery::Ack{facts_.epoch, now, {}});
  if (sent == Sent::kBusy) return false;
  if (sent == Sent::kGone) gone(publisher);
  told(publisher, now);
  return true;
}

void ControlServer::told(ConnectedPublisher& publisher, std::uint64_t window) {
  publisher.window = window;
  widest_told_ = std::max(widest_told_, window);
}

bool ControlServer::give_rules(ConnectedPublisher& publisher, std::string const& rules) {
  auto const sent = answer(publisher.route, delivery::Levels{rules});
  if (sent == Sent::kGone) gone(publisher);
  return sent != Sent::kBusy;
}

void ControlServer::set_waiting(bool waiting) {
  if (waiting_ == waiting) return;
  waiting_ = waiting;
  // The beginning of it travels with the acks; the end must be told to those who have none coming.
  windows_owed_ = !waiting;
}

void ControlServer::tell_window() {
  windows_owed_ = false;
  widest_told_ = window();
  for (auto& [id, publisher] : publishers_) {
    if (!give_window(publisher)) windows_owed_ = owes_ = true;
  }
}

void ControlServer::answer_flushes(std::uint64_t received, std::uint64_t committed) {
  for (std::size_t i = flushes_.size(); i > 0; --i) {
    auto flush = std::move(flushes_.front());
    flushes_.pop_front();
    if (flush.block.value_or(received) <= committed) {
      // Who leaves a thousand answers unread gets no more of them: kept here they would take the room of everybody's.
      answer(flush.route, delivery::Flushed{flush.token});
      continue;
    }
    if (!flush.block) flush.block = received;
    flushes_.push_back(std::move(flush));
  }
}

void ControlServer::answer_byes() {
  byes_to_check_ = false;
  if (!publishers_.awaits_any()) return;
  std::vector<PublisherId> ended;
  for (auto& [id, publisher] : publishers_) {
    if (!publisher.bye || !ledger_.complete(id, *publisher.bye)) continue;
    if (!publisher.route.empty() && answer(publisher.route, delivery::Bye{id, {}}) == Sent::kBusy) {
      byes_to_check_ = owes_ = true;
      continue;
    }
    log_.note(OwnLog::Kind::kPublisher, level::kInfo, fmt::format("{} left", name_of(publisher.who)));
    ended.push_back(id);
  }
  for (auto const& id : ended) publishers_.remove(id);
}

void ControlServer::probe(std::int64_t now) {
  for (auto& [id, publisher] : publishers_) {
    if (publisher.route.empty() || now - publisher.heard < kSilence) continue;
    auto const sent = answer(publisher.route, delivery::Ack{facts_.epoch, window(), {}});
    if (sent == Sent::kGone) gone(publisher);
    if (sent != Sent::kDone) continue;
    publisher.heard = now;
    told(publisher, window());
  }
}

void ControlServer::gone(ConnectedPublisher& publisher) {
  if (publisher.route.empty()) return;
  publishers_.lose(publisher);
  log_.note(OwnLog::Kind::kPublisher, level::kInfo,
            fmt::format("{} is gone without a bye; what it left in its spool is read when somebody adopts it",
                        name_of(publisher.who)));
}

ControlServer::Sent ControlServer::answer(std::string const& route, delivery::Control const& message) {
  return route.empty() ? Sent::kGone : send_(route, delivery::encode(message));
}

std::uint64_t ControlServer::report_every() const noexcept {
  return std::max<std::uint64_t>(kReportEvery, publishers_.connected() / 4);
}

std::uint64_t ControlServer::window() const noexcept {
  if (waiting_) return 0;
  auto const connected = std::max<std::uint64_t>(publishers_.connected(), 1);
  auto const taken = std::min(connected * kConnectionBytes, kWindowBudget - kLeastBudget);
  auto const share = (kWindowBudget - taken) / connected;
  return std::clamp(share, kSmallestWindow, kLargestWindow);
}

}  // namespace logboom::collector
