// See host_names.hpp.
#include "inputs/host_names.hpp"

#include "posix/background_thread.hpp"

#include <netdb.h>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>

namespace logboom::inputs {

using Clock = std::chrono::steady_clock;

/// Shared with the thread, which may be amid a lookup that nobody waits for any more.
struct HostNames::State {
  struct Name {
    std::string text;
    Clock::time_point until;
    bool known = false;
  };

  Lookup lookup;
  std::function<void()> news;
  std::mutex mutex;
  std::condition_variable changed;
  std::unordered_map<std::string, Name> names;  // by number
  std::deque<PeerAddress> questions;
  bool running = false;
  bool ended = false;

  void run() {
    std::unique_lock lock(mutex);
    while (!ended) {
      if (questions.empty()) {
        changed.wait(lock);
        continue;
      }
      PeerAddress const address = questions.front();
      lock.unlock();
      auto name = lookup(address);
      lock.lock();
      if (ended) return;
      auto const number = address.host();
      if (name.empty()) name = number;
      names[number] = {std::move(name), Clock::now() + std::chrono::seconds(kKept), true};
      questions.pop_front();
      news();
    }
  }
};

std::string HostNames::system_lookup(PeerAddress const& address) {
  std::array<char, NI_MAXHOST> name{};
  int const error =
      ::getnameinfo(address.get(), address.size, name.data(), name.size(), nullptr, 0, NI_NAMEREQD);
  return error == 0 ? name.data() : "";
}

HostNames::HostNames(Lookup lookup, std::function<void()> news) : state_(std::make_shared<State>()) {
  state_->lookup = std::move(lookup);
  state_->news = std::move(news);
}

HostNames::~HostNames() {
  std::lock_guard const lock(state_->mutex);
  state_->ended = true;
  state_->changed.notify_all();
}

std::optional<std::string> HostNames::find(PeerAddress const& address) {
  auto number = address.host();
  std::lock_guard const lock(state_->mutex);
  auto const now = Clock::now();
  auto const known = state_->names.find(number);
  if (known != state_->names.end() && (!known->second.known || known->second.until > now)) {
    if (known->second.known) return known->second.text;
    return std::nullopt;
  }
  if (state_->questions.size() >= kMostQuestions) return number;
  // Those that are being looked up come back when they are found.
  if (state_->names.size() >= kMostNames) state_->names.clear();
  if (!state_->running) {
    try {
      posix::background_thread("logboom-lookup", [state = state_] { state->run(); }).detach();
    } catch (std::system_error const&) {
      return number;
    }
    state_->running = true;
  }
  state_->names[number] = {number, now, false};
  state_->questions.push_back(address);
  state_->changed.notify_all();
  return std::nullopt;
}

}  // namespace logboom::inputs
