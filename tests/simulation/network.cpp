// See network.hpp.
#include "network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace logboom::simulation {

namespace {

constexpr std::int64_t kNever = INT64_MAX;
constexpr std::int64_t kHeartbeats = 6000;  // ms until a silent control connection is given up
constexpr std::int64_t kTransit = 5;        // ms at most, on a good day
constexpr std::int64_t kConnect = 40;       // ms at most, likewise

std::int64_t after(std::deque<Parcel> const& queue, std::int64_t at) {
  return queue.empty() ? at : std::max(queue.back().arrives, at);
}

struct Describe {
  template <class T>
  static std::string pairs(T const& list) {
    std::string text;
    for (auto const& [stream, number] : list) text += fmt::format(" {}:{}", stream, number);
    return text;
  }
  static std::string states(std::vector<delivery::StreamState> const& list) {
    std::string text;
    for (auto const& one : list) text += fmt::format(" {}:{}/{}", one.stream, one.committed, one.expected);
    return text;
  }
  std::string operator()(delivery::Hello const& m) const {
    std::string text = "hello";
    for (auto const& one : m.streams) text += fmt::format(" {}:{}..{}", one.stream, one.base, one.next);
    return text;
  }
  std::string operator()(delivery::Welcome const& m) const {
    return fmt::format("welcome epoch {:x} window {}{}", m.epoch & 0xffffU, m.window, states(m.streams));
  }
  std::string operator()(delivery::Ack const& m) const {
    return fmt::format("ack epoch {:x} window {}{}", m.epoch & 0xffffU, m.window, states(m.streams));
  }
  std::string operator()(delivery::Resend const& m) const {
    return fmt::format("resend epoch {:x}{}", m.epoch & 0xffffU, pairs(m.expected));
  }
  std::string operator()(delivery::Bye const& m) const { return "bye" + pairs(m.last); }
  std::string operator()(delivery::Flush const& m) const { return fmt::format("flush {}", m.token); }
  std::string operator()(delivery::Flushed const& m) const { return fmt::format("flushed {}", m.token); }
  std::string operator()(delivery::Levels const& m) const { return "levels " + m.rules; }
  std::string operator()(delivery::Error const& m) const { return "error " + m.text; }
  template <class T>
  std::string operator()(T const&) const {
    return "other message";
  }
};

}  // namespace

std::string describe(std::span<std::byte const> frame) {
  return std::visit(Describe{}, delivery::decode(frame));
}

// --- SimulatedLink

SimulatedLink::SimulatedLink(Network& network, PublisherId const& id, std::string name)
    : network_(&network), id_(id), name_(std::move(name)) {
  network_->links_.push_back(this);
}

SimulatedLink::~SimulatedLink() {
  close();
  std::erase(network_->links_, this);
}

void SimulatedLink::open(delivery::Endpoint const& endpoint) {
  close();
  target_ = endpoint.text;
  control_again_ = std::max(control_again_, network_->now + network_->dice_->upto(kConnect));
  push_again_ = std::max(push_again_, network_->now + network_->dice_->upto(kConnect));
}

void SimulatedLink::close() noexcept {
  if (target_.empty()) return;
  break_control(false);
  break_push(true);
  push_.clear();
  changes_.clear();
  down_.clear();
  target_.clear();
}

void SimulatedLink::reopen_push() {
  if (Life::running != nullptr && !Life::running->act()) return;
  break_push(true);
  push_.clear();
  push_again_ = network_->now + network_->dice_->upto(kTransit);
}

std::optional<delivery::Link::Change> SimulatedLink::change() {
  if (changes_.empty()) return std::nullopt;
  auto const change = changes_.front();
  changes_.pop_front();
  return change;
}

bool SimulatedLink::send(std::span<std::byte const> batch) {
  if (!push_up_ || push_.size() >= kPush) return false;
  if (Life::running != nullptr && !Life::running->act()) return true;
  push_.emplace_back(batch.begin(), batch.end());
  return true;
}

bool SimulatedLink::say(delivery::Control const& message) {
  if (!control_up_ || up_.size() >= kControl || network_->happens(Fault::kBusy, 0.02)) return false;
  if (Life::running != nullptr && !Life::running->act()) return true;
  auto bytes = delivery::encode(message);
  if (network_->note)
    network_->note(name_, fmt::format("to {}: {}{}", target_, describe(bytes), loses_up_ ? " (lost)" : ""));
  if (!loses_up_)
    up_.push_back({std::move(bytes), after(up_, network_->now + network_->dice_->upto(kTransit))});
  return true;
}

std::optional<delivery::Control> SimulatedLink::hear() {
  if (down_.empty() || down_.front().arrives > network_->now) return std::nullopt;
  auto const parcel = std::move(down_.front());
  down_.pop_front();
  if (network_->note) network_->note(name_, fmt::format("from {}: {}", target_, describe(parcel.bytes)));
  return delivery::decode(parcel.bytes);
}

std::int64_t SimulatedLink::next_arrival() const {
  if (!changes_.empty()) return network_->now;
  return down_.empty() ? kNever : down_.front().arrives;
}

/// @param told the publisher's side learns of it now
void SimulatedLink::break_control(bool told) {
  if (!control_up_) return;
  control_up_ = false;
  // What had arrived is read on either side.
  while (!down_.empty() && down_.back().arrives > network_->now) down_.pop_back();
  auto const survive = network_->dice_->pick(up_.size() + 1);
  for (std::size_t i = 0; i < survive; ++i) network_->leave(target_, std::move(up_[i]), route_);
  up_.clear();
  if (auto* const listener = network_->at(target_))
    listener->ghosts[route_] = network_->now + network_->dice_->upto(network_->faulty ? 400 : kTransit);
  if (told) changes_.push_back(Change::kDisconnected);
  loses_up_ = loses_down_ = false;
  control_again_ = std::max(control_again_, network_->now + network_->dice_->upto(kConnect));
}

/// @param survive what is under way may still arrive, some of it
void SimulatedLink::break_push(bool survive) {
  if (!push_up_) return;
  push_up_ = false;
  if (survive && !loses_push_ && (!network_->faulty || network_->faults_->has(Fault::kLate))) {
    auto const count = network_->dice_->pick(pipe_.size() + 1);
    auto const delay = network_->dice_->upto(network_->faulty ? 300 : kTransit);
    for (std::size_t i = 0; i < count; ++i) {
      pipe_[i].arrives = std::max(pipe_[i].arrives, network_->now) + delay;
      network_->leave(target_, std::move(pipe_[i]), {});
    }
  }
  pipe_.clear();
  loses_push_ = false;
  push_again_ = std::max(push_again_, network_->now + network_->dice_->upto(kConnect));
}

void SimulatedLink::cut_control() {
  if (network_->note) network_->note(name_, "control connection to " + target_ + " is cut");
  break_control(true);
}

void SimulatedLink::cut_push() {
  if (network_->note) network_->note(name_, "batch connection to " + target_ + " is cut");
  break_push(true);
  if (network_->dice_->chance(0.5)) push_.clear();
}

void SimulatedLink::half_open(bool up, bool down) {
  if (!control_up_) return;
  if (network_->note)
    network_->note(name_, fmt::format("connections to {} are half open:{}{}", target_, up ? " up" : "",
                                      down ? " down" : ""));
  loses_up_ = loses_up_ || up;
  loses_down_ = loses_down_ || down;
  loses_push_ = loses_push_ || up;
  // Without an answer to its heartbeats either side gives up.
  notice_ = network_->now + 200 + network_->dice_->upto(kHeartbeats - 200);
}

void SimulatedLink::advance() {
  if (target_.empty()) return;
  auto const now = network_->now;
  bool const there = network_->at(target_) != nullptr;
  if (control_up_ && (loses_up_ || loses_down_) && now >= notice_) cut_control();
  if (there && !control_up_ && now >= control_again_) {
    control_up_ = true;
    route_ = fmt::format("r{}", ++network_->routes_);
    changes_.push_back(Change::kConnected);
    if (network_->note)
      network_->note(name_, fmt::format("control connection to {} stands ({})", target_, route_));
  }
  if (there && !push_up_ && now >= push_again_) push_up_ = true;
  while (push_up_ && !push_.empty() && pipe_.size() < kPipe) {
    Parcel parcel{std::move(push_.front()), after(pipe_, now + network_->dice_->upto(kTransit))};
    push_.pop_front();
    if (network_->happens(Fault::kDuplicate, network_->duplication)) {
      ++network_->repeated;
      auto const later = network_->dice_->upto(400);
      // Behind what nobody takes it waits for ever as well.
      if (parcel.arrives != kNever) network_->leave(target_, {parcel.bytes, parcel.arrives + later}, {});
    }
    if (loses_push_ || network_->happens(Fault::kLoss, network_->loss)) {
      ++network_->lost;
      if (network_->note) network_->note(name_, "a batch is lost on the way");
      if (!loses_push_) continue;
      // Nobody takes it: the kernel keeps it until the connection is given up.
      parcel.arrives = kNever;
    }
    pipe_.push_back(std::move(parcel));
  }
}

// --- Network

Network::Listener* Network::at(std::string const& address) {
  auto const found = listeners_.find(address);
  return found == listeners_.end() ? nullptr : &found->second;
}

void Network::leave(std::string const& target, Parcel parcel, std::string route) {
  auto* const listener = at(target);
  if (listener == nullptr) return;
  if (route.empty()) ++late;
  listener->strays.push_back({std::move(parcel), std::move(route)});
}

void Network::listen(std::string const& address) { listeners_.emplace(address, Listener{}); }

void Network::hang_up(std::string const& address) {
  listeners_.erase(address);
  for (auto* const link : links_) {
    if (link->target_ != address) continue;
    link->break_control(true);
    link->break_push(false);
    if (dice_->chance(0.5)) link->push_.clear();
  }
}

void Network::advance() {
  for (auto* const link : links_) link->advance();
}

std::optional<Bytes> Network::receive_batch(std::string const& address) {
  auto* const listener = at(address);
  if (listener == nullptr) return std::nullopt;
  auto& strays = listener->strays;
  for (auto at = strays.begin(); at != strays.end(); ++at) {
    if (!at->route.empty() || at->parcel.arrives > now) continue;
    auto bytes = std::move(at->parcel.bytes);
    strays.erase(at);
    return bytes;
  }
  auto const first = dice_->pick(links_.size());
  for (std::size_t i = 0; i < links_.size(); ++i) {
    auto& link = *links_[(first + i) % links_.size()];
    if (link.target_ != address || link.pipe_.empty() || link.pipe_.front().arrives > now) continue;
    auto bytes = std::move(link.pipe_.front().bytes);
    link.pipe_.pop_front();
    return bytes;
  }
  return std::nullopt;
}

std::optional<Network::Letter> Network::receive_control(std::string const& address) {
  auto* const listener = at(address);
  if (listener == nullptr) return std::nullopt;
  auto& strays = listener->strays;
  for (auto at = strays.begin(); at != strays.end(); ++at) {
    if (at->route.empty() || at->parcel.arrives > now) continue;
    Letter letter{std::move(at->route), std::move(at->parcel.bytes)};
    strays.erase(at);
    return letter;
  }
  for (auto* const link : links_) {
    if (link->target_ != address || link->up_.empty() || link->up_.front().arrives > now) continue;
    Letter letter{link->route_, std::move(link->up_.front().bytes)};
    link->up_.pop_front();
    return letter;
  }
  return std::nullopt;
}

Network::Sent Network::send_control(std::string const& address, std::string const& route,
                                    std::span<std::byte const> frame) {
  if (happens(Fault::kBusy, 0.02)) return Sent::kBusy;
  for (auto* const link : links_) {
    if (link->target_ != address || !link->control_up_ || link->route_ != route) continue;
    if (link->down_.size() >= SimulatedLink::kControl) return Sent::kBusy;
    if (note)
      note(address,
           fmt::format("to {}: {}{}", link->name_, describe(frame), link->loses_down_ ? " (lost)" : ""));
    if (!link->loses_down_)
      link->down_.push_back({{frame.begin(), frame.end()}, after(link->down_, now + dice_->upto(kTransit))});
    return Sent::kDone;
  }
  auto* const listener = at(address);
  if (listener == nullptr) return Sent::kGone;
  auto const ghost = listener->ghosts.find(route);
  if (ghost == listener->ghosts.end()) return Sent::kGone;
  if (ghost->second > now) return Sent::kDone;
  listener->ghosts.erase(ghost);
  return Sent::kGone;
}

std::int64_t Network::next_arrival(std::string const& address) const {
  auto const listener = listeners_.find(address);
  if (listener == listeners_.end()) return kNever;
  auto next = kNever;
  for (auto const& stray : listener->second.strays) next = std::min(next, stray.parcel.arrives);
  for (auto const* link : links_) {
    if (link->target_ != address) continue;
    if (!link->up_.empty()) next = std::min(next, link->up_.front().arrives);
    if (!link->pipe_.empty()) next = std::min(next, link->pipe_.front().arrives);
  }
  return next;
}

PublisherId const* Network::speaker_of(std::string const& route) const {
  for (auto const* link : links_) {
    if (link->control_up_ && link->route_ == route) return &link->id_;
  }
  return nullptr;
}

}  // namespace logboom::simulation
