// Changes of level rules, from the question to the last publisher. Must not know sockets.
#include "collector/level_control.hpp"

#include "record/forward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace logboom::collector {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kLongest = 100ULL * 365 * 24 * 3'600;  // s

std::string scope_text(std::string const& process, std::string const& host) {
  auto const one = [](char const* what, std::string const& pattern) {
    return pattern.empty() || pattern == "*" ? std::string() : fmt::format(" {} {}", what, pattern);
  };
  auto const text = one("process", process) + one("host", host);
  return text.empty() ? " all publishers" : text;
}

}  // namespace

LevelControl::LevelControl(std::string const& base, std::string file, std::string host,
                           PublisherTable& publishers, OwnLog& log, Now now, Tell tell)
    : rules_(base),
      file_(std::move(file)),
      host_(std::move(host)),
      publishers_(publishers),
      log_(log),
      now_(std::move(now)),
      tell_(std::move(tell)) {
  auto const found = file_.load();
  if (!found.problem.empty()) log_.tell(OwnLog::Kind::kControl, level::kWarning, found.problem);
  rules_.restore(found.rules);
  if (rules_.expire(now_())) keep();
  spread();
}

std::string const& LevelControl::rules_for(ConnectedPublisher const& publisher) {
  welcoming_ = rules_.for_publisher(publisher.who.host, publisher.who.process);
  return *welcoming_.text;
}

void LevelControl::welcomed(ConnectedPublisher& publisher) { publisher.rules = welcoming_; }

delivery::Control LevelControl::change(delivery::ChangeRules const& wanted) try {
  RulesInForce::Scope const scope{wanted.process, wanted.host};
  std::uint64_t changed = 0;
  if (wanted.seconds > kLongest)
    throw std::invalid_argument("level rules: to hold for more than a hundred years; leave the time out");
  if (wanted.set) {
    auto const now = now_();
    auto const until = wanted.seconds == 0 ? 0 : now + static_cast<std::int64_t>(wanted.seconds) * kSecond;
    changed = rules_.set(wanted.rules, scope, now, until);
    log_.note(OwnLog::Kind::kControl, level::kInfo,
              fmt::format("level rules {} are in force for{}{}", wanted.rules,
                          scope_text(wanted.process, wanted.host),
                          until == 0 ? "" : fmt::format(", for {} s", wanted.seconds)));
  } else if (wanted.reset) {
    changed = rules_.reset(wanted.rules, scope);
    if (changed > 0)
      log_.note(OwnLog::Kind::kControl, level::kInfo, fmt::format("{} level rules were taken back", changed));
  }
  if (changed > 0) {
    keep();
    spread();
    settle();
  }
  return state(changed);
} catch (std::invalid_argument const& error) {
  return delivery::Error{error.what()};
}

void LevelControl::set_base(std::string const& base) try {
  auto const before = rules_.version();
  rules_.set_base(base);
  if (rules_.version() != before) spread();
} catch (std::invalid_argument const& error) {
  log_.tell(OwnLog::Kind::kControl, level::kError,
            fmt::format("the collector's level rules stay as they were: {}", error.what()));
}

bool LevelControl::settle() {
  if (rules_.expire(now_())) {
    log_.note(OwnLog::Kind::kControl, level::kInfo, "the time of some level rules is over");
    keep();
    spread();
  }
  auto const deadline = std::chrono::steady_clock::now() + kLongestTurn;
  std::vector<PublisherId> again;
  for (auto left = std::min(kToldAtOnce, untold_.size()); left > 0; --left) {
    auto const id = untold_.back();
    untold_.pop_back();
    auto* const publisher = publishers_.find(id);
    if (publisher == nullptr || publisher->route.empty() || publisher->rules.version == rules_.version())
      continue;
    auto told = rules_.for_publisher(publisher->who.host, publisher->who.process);
    bool const same = publisher->rules.text && *publisher->rules.text == *told.text;
    if (same || tell_(*publisher, *told.text))
      publisher->rules = std::move(told);
    else
      again.push_back(id);
    if (std::chrono::steady_clock::now() >= deadline) break;
  }
  untold_.insert(untold_.begin(), again.begin(), again.end());
  return !untold_.empty();
}

/// Who is connected is to be told; who comes hears it with its welcome. The collector's own records follow like those of a process `logboom`.
void LevelControl::spread() {
  untold_.clear();
  for (auto const& [id, publisher] : publishers_) {
    if (!publisher.route.empty()) untold_.push_back(id);
  }
  auto const own = rules_.for_publisher(host_, OwnLog::kProcess);
  log_.set_least(LevelRules::parse(*own.text).level_for(OwnLog::kLogger));
}

void LevelControl::keep() {
  not_kept_ = file_.save(rules_.list());
  if (!not_kept_.empty())
    log_.tell(OwnLog::Kind::kControl, level::kWarning,
              fmt::format("level rules will not outlive this collector: {}", not_kept_));
}

delivery::Rules LevelControl::state(std::uint64_t changed) const {
  delivery::Rules state;
  state.changed = changed;
  state.not_kept = not_kept_.substr(0, 1'024);
  state.base = rules_.base().to_string();
  if (state.base.size() > kMaxBaseShown) state.base = state.base.substr(0, kMaxBaseShown) + "…";
  state.rules = rules_.list();
  for (auto const& [id, publisher] : publishers_) {
    if (publisher.route.empty()) continue;
    bool const forwards = publisher.who.process == wire::kForwarderProcess;
    ++(forwards ? state.forwarders : state.publishers);
    if (forwards || publisher.rules.version != rules_.version()) continue;
    for (std::size_t i = 0; i < state.rules.size(); ++i)
      state.rules[i].followers += publisher.rules.matching[i] ? 1 : 0;
  }
  return state;
}

}  // namespace logboom::collector
