// The three sockets of a bus, bound to its addresses with the options that were measured. Must not know what travels on them.
#pragma once

#include "collector/address_claim.hpp"
#include "collector/admission.hpp"
#include "collector/zap_handler.hpp"
#include "delivery/endpoint.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace logboom::collector {

struct BusSockets {
  /// @param live whether viewers are served. @param admission who is let in; outlives this. @throws delivery::BindError
  BusSockets(std::vector<AddressClaim> claimed, std::span<delivery::Endpoint const> endpoints, bool live,
             Admission& admission);

  // In this order: the addresses are given up when the context has ended, and with it the last use of them.
  std::vector<AddressClaim> claims;
  zmq::context_t context;
  std::optional<ZapHandler> zap;       // where anybody is asked who they are; before the sockets that ask it
  zmq::socket_t pull;                  // batches and plain records
  zmq::socket_t router;                // control
  zmq::socket_t xpub;                  // live; bound only if asked for
  std::vector<std::string> addresses;  // bound, with the port chosen where 0 was asked for
};

/// Receives the next part. Not blocking. @return false if there is nothing.
bool receive(zmq::socket_t& socket, zmq::message_t& part);
/// Whether a message can be received now. Also makes ZeroMQ look at peers that became active, which receiving alone does every 100 messages only.
bool readable(zmq::socket_t& socket);

}  // namespace logboom::collector
