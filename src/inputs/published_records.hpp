// Records that other programs publish on PUB sockets of their own: pyzmq's PUBHandler, logbook's ZeroMQHandler, the ZeroMQ handler of module logging's cookbook.
// Must not know what a frame says.
#pragma once

#include "curve/client_keys.hpp"
#include "inputs/published_source.hpp"

#include <cstddef>
#include <list>
#include <span>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace logboom::inputs {

/// A socket for each program. For one thread.
class PublishedRecords {
 public:
  static constexpr std::size_t kMaxSources = 64;

  /// Connects to each, or will as soon as somebody is there. @param keys for all of them; none: CURVE is not spoken
  /// @throws std::invalid_argument for what ZeroMQ does not take for an endpoint, for too many, and for keys that cannot be used
  PublishedRecords(zmq::context_t& context, std::span<std::string const> endpoints,
                   curve::ClientKeys const& keys);

  /// What the constructor would find wrong with number and keys. @throws std::invalid_argument
  static void check(std::span<std::string const> endpoints, curve::ClientKeys const& keys);

  using Message = PublishedSource::Message;
  using News = PublishedSource::News;

  /// Never waits. Programs take turns. @return false: there is none
  bool receive(Message& message);
  /// What became of the connections since the last call.
  std::vector<News> follow();
  /// For zmq_poll().
  void add_to(std::vector<zmq_pollitem_t>& items);

 private:
  std::list<PublishedSource> sources_;
};

}  // namespace logboom::inputs
