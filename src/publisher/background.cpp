// Threads of the publisher's own.
#include "publisher/background.hpp"

#include <pthread.h>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>

namespace logboom::publisher {

std::int64_t monotonic_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::thread background_thread(char const* name, std::function<void()> body) {
  // The mask is inherited: set here, so that there is no moment without it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    sigset_t const& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{before};
  return std::thread([title = std::string(name), run = std::move(body)] {
    pthread_setname_np(pthread_self(), title.c_str());
    run();
  });
}

void poll(std::vector<zmq_pollitem_t>& items, std::int64_t milliseconds) noexcept {
  zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(milliseconds));
}

}  // namespace logboom::publisher
