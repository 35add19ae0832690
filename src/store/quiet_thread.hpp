// Threads of a library take no signals: they are for the program's own. Must not know what runs in them.
#pragma once

#include <pthread.h>
#include <csignal>
#include <thread>
#include <utility>

namespace logboom::store {

/// @throws std::system_error (no thread)
std::thread start_quiet_thread(auto body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace logboom::store
