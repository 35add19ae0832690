// See published_records.hpp.
#include "inputs/published_records.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace logboom::inputs {

PublishedRecords::PublishedRecords(zmq::context_t& context, std::span<std::string const> endpoints,
                                   curve::ClientKeys const& keys) {
  check(endpoints, keys);
  for (auto const& endpoint : endpoints) sources_.emplace_back(context, endpoint, keys, sources_.size());
}

void PublishedRecords::check(std::span<std::string const> endpoints, curve::ClientKeys const& keys) {
  if (endpoints.size() > kMaxSources)
    throw std::invalid_argument(
        fmt::format("subscribe: {} endpoints, {} at most; let another collector take some, and forward them",
                    endpoints.size(), kMaxSources));
  if (keys.server.empty() != keys.secret_file.empty())
    throw std::invalid_argument(
        "subscribe_server_key and subscribe_curve_secret go together; give both, or neither");
  if (keys.any() && endpoints.empty())
    throw std::invalid_argument(
        "subscribe_server_key: nothing is subscribed to; give subscribe, or leave the keys out");
  try {
    curve::check(keys, endpoints.size());
  } catch (curve::KeyError const& error) {
    throw std::invalid_argument(fmt::format("subscribe: {}", error.what()));
  }
}

bool PublishedRecords::receive(Message& message) {
  for (std::size_t left = sources_.size(); left > 0; --left) {
    bool const received = sources_.front().receive(message);
    sources_.splice(sources_.end(), sources_, sources_.begin());
    if (received) return true;
  }
  return false;
}

std::vector<PublishedRecords::News> PublishedRecords::follow() {
  std::vector<News> all;
  for (auto& source : sources_) {
    if (auto news = source.follow()) all.push_back(*std::move(news));
  }
  return all;
}

void PublishedRecords::add_to(std::vector<zmq_pollitem_t>& items) {
  for (auto& source : sources_) source.add_to(items);
}

}  // namespace logboom::inputs
