// The table of publishers. Must not know sockets, frames or the store.
#include "collector/publisher_table.hpp"

#include <algorithm>
#include <utility>

namespace logboom::collector {

ConnectedPublisher& PublisherTable::enter(wire::Publisher const& who, std::int64_t now) {
  auto found = publishers_.find(who.id);
  if (found == publishers_.end()) {
    if (publishers_.size() >= bound_) make_room();
    found = publishers_.emplace(who.id, ConnectedPublisher{}).first;
    ++entered_;
  }
  auto& publisher = found->second;
  publisher.who = who;
  for (auto* name : {&publisher.who.host, &publisher.who.process}) {
    if (name->size() > kMaxName) name->resize(kMaxName);
  }
  publisher.heard = now;
  return publisher;
}

ConnectedPublisher* PublisherTable::find(PublisherId const& id) {
  auto const found = publishers_.find(id);
  return found == publishers_.end() ? nullptr : &found->second;
}

void PublisherTable::remove(PublisherId const& id) {
  auto const found = publishers_.find(id);
  if (found == publishers_.end()) return;
  if (found->second.bye) --byes_;
  lose(found->second);
  publishers_.erase(found);
}

void PublisherTable::await(ConnectedPublisher& publisher, ConnectedPublisher::StreamNumbers last) {
  if (!publisher.bye && byes_ >= kMaxByes) return;
  if (!publisher.bye) ++byes_;
  publisher.bye = std::move(last);
}

void PublisherTable::reach(ConnectedPublisher& publisher, std::string const& route) {
  if (!publisher.route.empty()) --connected_;
  publisher.route = route;
  if (!publisher.route.empty()) ++connected_;
}

void PublisherTable::count(PublisherId const& id, std::uint64_t received, std::uint64_t lost) {
  auto* const publisher = find(id);
  if (publisher == nullptr) return;
  publisher->received += received;
  publisher->gap_records += lost;
}

void PublisherTable::tick(double seconds) {
  for (auto& [id, publisher] : publishers_) publisher.rate.tick(publisher.received, seconds);
}

void PublisherTable::make_room() {
  auto const sooner = [](auto const& left, auto const& right) {
    bool const left_here = !left.second.route.empty();
    bool const right_here = !right.second.route.empty();
    return left_here != right_here ? !left_here : left.second.heard < right.second.heard;
  };
  auto const least = std::min_element(publishers_.begin(), publishers_.end(), sooner);
  if (least != publishers_.end()) remove(PublisherId(least->first));
}

void PublisherTable::owe_ack(PublisherId const& id, std::uint64_t stream) {
  auto* const publisher = find(id);
  if (publisher == nullptr || publisher->route.empty()) return;
  auto& streams = publisher->acks_owed;
  if (streams.size() >= kMaxOwed) {
    std::sort(streams.begin(), streams.end());
    streams.erase(std::unique(streams.begin(), streams.end()), streams.end());
    if (streams.size() >= kMaxOwed) return;
  }
  list(*publisher);
  streams.push_back(stream);
}

void PublisherTable::owe_resend(PublisherId const& id, std::uint64_t stream, std::uint64_t expected) {
  auto* const publisher = find(id);
  if (publisher == nullptr || publisher->route.empty() || publisher->resends_owed.size() >= kMaxOwed) return;
  list(*publisher);
  publisher->resends_owed.emplace_back(stream, expected);
}

std::vector<PublisherId> PublisherTable::take_owed() {
  std::vector<PublisherId> owed;
  owed.swap(owed_);
  for (auto const& id : owed) {
    if (auto* const publisher = find(id)) publisher->listed = false;
  }
  return owed;
}

void PublisherTable::list(ConnectedPublisher& publisher) {
  if (!std::exchange(publisher.listed, true)) owed_.push_back(publisher.who.id);
}

}  // namespace logboom::collector
