// See zmq_log.hpp.
#include "sinks/zmq_log.hpp"

#include "record/utf8.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>

namespace logboom::sinks {
namespace {

constexpr std::int64_t kMaxSubscription = 1024;  // bytes of one message of a reader

}  // namespace

ZmqLog::ZmqLog(zmq::context_t& context, std::string const& endpoint)
    : socket_(context, zmq::socket_type::xpub) {
  socket_.set(zmq::sockopt::sndhwm, kMaxWaiting);
  socket_.set(zmq::sockopt::maxmsgsize, kMaxSubscription);
  socket_.set(zmq::sockopt::linger, 500);
  socket_.set(zmq::sockopt::ipv6,
              endpoint.find('[') != std::string::npos);  // else IPv4 addresses are shown as mapped ones
  if (zmq_bind(socket_.handle(), endpoint.c_str()) != 0)
    throw std::invalid_argument(
        fmt::format("cannot publish on '{}': {}; give an address of this machine that is free, such as "
                    "tcp://127.0.0.1:12345",
                    endpoint, zmq_strerror(zmq_errno())));
  endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
}

void ZmqLog::take(std::shared_ptr<Block const> const& block) {
  look_for_readers();
  if (subscriptions_.empty()) return;
  for (auto const& entry : block->entries) send(*block, entry);
}

/// XPUB says the first of equal subscriptions and the end of the last one.
void ZmqLog::look_for_readers() {
  zmq::message_t message;
  while (socket_.recv(message, zmq::recv_flags::dontwait)) {
    if (message.empty()) continue;
    auto const prefix = message.to_string_view().substr(1);
    *static_cast<char const*>(message.data()) == '\1' ? subscriptions_.add(prefix)
                                                      : subscriptions_.remove(prefix);
  }
}

void ZmqLog::send(Block const& block, Entry const& entry) {
  auto const& site = *block.sites[entry.site];
  topic_ = site.level_name;
  if (!site.logger.empty()) topic_.append(".").append(site.logger);
  if (!subscriptions_.wanted(topic_)) return;
  text_ = entry.message;
  for (auto const part : {entry.exception, entry.stack}) {
    if (!part.empty()) text_.append("\n").append(part);
  }
  if (text_.size() > kMaxText) text_.resize(whole_prefix(text_, kMaxText));
  if (socket_.send(zmq::buffer(topic_), zmq::send_flags::sndmore | zmq::send_flags::dontwait))
    socket_.send(zmq::buffer(text_), zmq::send_flags::dontwait);
}

}  // namespace logboom::sinks
