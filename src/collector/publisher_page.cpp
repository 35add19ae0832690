// Choosing publishers for an answer. Must not know sockets.
#include "collector/publisher_page.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace logboom::collector {
namespace {

using Entry = std::pair<PublisherId const, ConnectedPublisher>;

constexpr std::size_t kRow = 320;  // bytes of one publisher's keys and numbers

std::size_t size_of(ConnectedPublisher const& publisher) {
  return kRow + publisher.who.host.size() + publisher.who.process.size() + publisher.report.problem.size();
}

/// Who gives reason to look first: those with the most to do, then those with the most behind.
bool busier(Entry const* left, Entry const* right) {
  auto const rank = [](Entry const* one) {
    return std::tuple(one->second.rate.value(), one->second.report.unacked, one->second.received, one->first);
  };
  return rank(left) > rank(right);
}

bool by_id(Entry const* left, Entry const* right) { return left->first < right->first; }

delivery::PublisherState state_of(ConnectedPublisher const& publisher) {
  delivery::PublisherState state;
  state.id = publisher.who.id;
  state.host = publisher.who.host;
  state.process = publisher.who.process;
  state.pid = publisher.who.pid;
  state.started = publisher.who.started;
  state.joined = publisher.joined;
  state.connected = !publisher.route.empty();
  state.leaving = publisher.bye.has_value();
  state.received = publisher.received;
  state.gaps = publisher.gap_records;
  state.rate = publisher.rate.value();
  state.reported = publisher.reported;
  state.report = publisher.report;
  return state;
}

}  // namespace

void list_publishers(PublisherTable const& table, delivery::AskStatus const& question,
                     delivery::Status& status) {
  std::vector<Entry const*> wanted;
  wanted.reserve(table.size());
  for (auto const& entry : table) {
    status.rate += entry.second.rate.value();
    status.unacked += entry.second.report.unacked;
    status.spool_bytes += entry.second.report.spool_bytes;
    if (!question.all || entry.first > question.after) wanted.push_back(&entry);
  }
  status.publishers_known = table.size();
  status.publishers_connected = table.connected();
  auto const most =
      static_cast<std::size_t>(std::min<std::uint64_t>({question.most, wanted.size(), kPageBytes / kRow}));
  std::partial_sort(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(most), wanted.end(),
                    question.all ? by_id : busier);
  std::size_t room = kPageBytes;
  for (std::size_t i = 0; i < most; ++i) {
    auto const size = size_of(wanted[i]->second);
    if (size > room) break;
    room -= size;
    status.publishers.push_back(state_of(wanted[i]->second));
  }
  status.not_listed = wanted.size() - status.publishers.size();
}

}  // namespace logboom::collector
