// What stands behind an address, found out by connecting to it without a word. Must not know what is spoken there.
#pragma once

#include "delivery/endpoint.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

namespace logboom::cli {

struct Probe {
  bool listens = false;
  int error = 0;       // errno of the attempt; 0 with `listens` false: see `reason`
  std::string reason;  // in words; "" if it listens
};

/// Whether somebody listens at one of an Endpoint's three addresses, "ipc://PATH" or "tcp://HOST:PORT". Blocks up to `timeout` a numeric address, and for as long as a name
/// server takes.
Probe probe(std::string const& address, std::chrono::milliseconds timeout);

/// The path of an ipc address.
std::string path_of(std::string const& address);

/// Who has locked the file: 0 nobody, or it is not there; −1 somebody, it is not known who.
pid_t holder_of_lock(std::string const& file);

}  // namespace logboom::cli
