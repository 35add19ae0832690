// A library's own thread: it takes no signals, which are for the program's threads. Must not know what runs in it.
#pragma once

#include <pthread.h>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

namespace logboom::posix {

/// `Thread` is std::thread, or std::jthread for a body that takes a stop_token. @param name at most 15 bytes. @throws std::system_error (no thread)
template <class Thread = std::thread, class Body>
Thread background_thread(char const* name, Body body) {
  // The mask is inherited: set here, so that there is no moment without it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    sigset_t const& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } const restore{before};
  return Thread([title = std::string(name), run = std::move(body)](auto const&... stop) mutable {
    pthread_setname_np(pthread_self(), title.c_str());
    run(stop...);
  });
}

}  // namespace logboom::posix
