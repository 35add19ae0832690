// Live records, ticks and answers to viewers. Must not know sockets.
#include "sinks/publish.hpp"

#include <utility>

namespace logboom::sinks {

LivePublisher::LivePublisher(std::uint64_t epoch, std::int64_t last_id, Send send, Presence presence)
    : epoch_(epoch), last_id_(last_id), send_(std::move(send)), presence_(std::move(presence)) {}

void LivePublisher::take(std::shared_ptr<Block const> const& block) {
  if (block->entries.empty()) return;
  // One look-up for each site and not for each record, unless a block names so many that it would push out its own topics.
  bool const keep = block->sites.size() < counters_.bound();
  topics_.assign(keep ? block->sites.size() : 0, nullptr);
  for (std::size_t i = 0; i < block->entries.size(); ++i) {
    auto const site = block->entries[i].site;
    auto& topic = keep && topics_[site] != nullptr ? *topics_[site] : touch(*block->sites[site]);
    if (keep) topics_[site] = &topic;
    ++topic.n;
    if (!wanted(topic)) continue;
    encode_live(*block, i, topic.n, message_);
    if (message_.size() > kMaxSent) continue;  // `n` tells that it was missed: it is in the store
    send_(topic.name, message_);
  }
  last_id_ = block->first_id + static_cast<std::int64_t>(block->entries.size()) - 1;
}

TopicCounters::Topic& LivePublisher::touch(Site const& site) {
  topic_.clear();
  live_topic(site.level, site.logger, topic_);
  return counters_.touch(topic_);
}

bool LivePublisher::wanted(TopicCounters::Topic& topic) {
  if (topic.wanted_as_of != subscriptions_.version()) {
    topic.wanted = subscriptions_.wanted(topic.name);
    topic.wanted_as_of = subscriptions_.version();
  }
  return topic.wanted;
}

bool LivePublisher::on_subscription(std::string_view message) {
  if (message.empty()) return false;
  auto const prefix = message.substr(1);
  bool const sync = prefix.size() > 1 && prefix.size() <= kLongestSync && prefix.front() == 'S';
  if (message.front() == '\0') {
    if (!sync) subscriptions_.remove(prefix);
  } else if (message.front() == '\1') {
    if (sync) {
      send_counters(prefix, 0, counters_.latest(kMaxSyncCounters), presence());
    } else {
      subscriptions_.add(prefix);
    }
    return sync;
  }
  return false;
}

void LivePublisher::start_epoch(std::uint64_t epoch, std::int64_t last_id) {
  epoch_ = epoch;
  last_id_ = last_id;
  last_tick_ = 0;
  counters_.clear();
}

void LivePublisher::tick() {
  bool all = true;
  auto moved = counters_.moved(kMaxSyncCounters, all);
  auto who = presence();
  if (moved.empty() && (!who || who->settled == 0)) return;
  if (!subscriptions_.empty())
    send_counters("T", all ? last_tick_ : last_id_, std::move(moved), std::move(who));
  last_tick_ = last_id_;
}

std::optional<LivePresence> LivePublisher::presence() const {
  return presence_ ? std::optional(presence_()) : std::nullopt;
}

void LivePublisher::send_counters(std::string_view topic, std::int64_t since,
                                  TopicCounters::Counters counters, std::optional<LivePresence> presence) {
  LiveCounters message;
  message.epoch = epoch_;
  message.since = since;
  message.id = last_id_;
  message.counters = std::move(counters);
  message.presence = std::move(presence);
  message.wants_missed = true;
  encode_counters(message, message_);
  send_(topic, message_);
}

}  // namespace logboom::sinks
