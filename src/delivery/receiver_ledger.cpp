// The receiver's ledger in memory: one small row a stream, the idle ones in a list from least to most recently used.
// Must not know sockets, clocks, threads or the store.
#include "delivery/receiver_ledger.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <unordered_map>

namespace logboom::delivery {
namespace {

struct Key {
  PublisherId id{};
  std::uint64_t stream = 0;
  friend bool operator==(Key const&, Key const&) = default;
};

std::uint64_t mix(std::uint64_t x) noexcept {  // splitmix64's finaliser
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// Seeded, so that nobody can choose ids that fall into one bucket.
struct Hash {
  std::uint64_t seed = (std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}();
  std::size_t operator()(Key const& key) const noexcept {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&low, key.id.data(), 8);
    std::memcpy(&high, key.id.data() + 8, 8);
    return mix(mix(mix(seed ^ low) ^ high) ^ key.stream);
  }
};

struct Row {
  std::uint64_t committed = 0;
  std::uint64_t expected = 1;
  std::int64_t asked = INT64_MIN;  // when a resend was asked for last
  Key const* key = nullptr;        // the map's own, which does not move
  Row* older = nullptr;            // neighbours in the list of idle rows
  Row* newer = nullptr;

  bool idle() const noexcept { return committed + 1 == expected; }
};

}  // namespace

struct ReceiverLedger::Impl {
  std::size_t max_streams;
  Lookup lookup;
  std::unordered_map<Key, Row, Hash> rows;
  Row list;                 // sentinel: list.newer is the least, list.older the most recently used
  bool incomplete = false;  // the store may hold streams that are not in memory
  std::uint64_t refused = 0;

  Impl(std::size_t max, Lookup hook) : max_streams(std::max<std::size_t>(max, 1)), lookup(std::move(hook)) {
    list.older = list.newer = &list;
  }

  static void unlink(Row& row) noexcept {
    if (row.older == nullptr) return;
    row.older->newer = row.newer;
    row.newer->older = row.older;
    row.older = row.newer = nullptr;
  }

  /// Puts the row where it belongs after it was used: last in the list when idle, in no list when something is pending.
  void touch(Row& row) noexcept {
    unlink(row);
    if (!row.idle()) return;
    row.older = list.older;
    row.newer = &list;
    list.older->newer = &row;
    list.older = &row;
  }

  bool make_room() {
    if (rows.size() < max_streams) return true;
    Row* const oldest = list.newer;
    if (oldest == &list) return false;
    unlink(*oldest);
    rows.erase(Key(*oldest->key));
    incomplete = true;
    return true;
  }

  std::optional<std::uint64_t> stored(Key const& key) const {
    if (!incomplete || !lookup) return std::nullopt;
    return lookup(key.id, key.stream);
  }

  Row& insert(Key const& key, std::uint64_t committed) {
    auto const [at, added] = rows.try_emplace(key);
    at->second.key = &at->first;
    at->second.committed = committed;
    at->second.expected = committed + 1;
    touch(at->second);
    return at->second;
  }

  /// The row of a stream; one that is not known starts at `base`. Null when there is no room.
  Row* find(Key const& key, std::uint64_t base) {
    if (auto const at = rows.find(key); at != rows.end()) return &at->second;
    auto const committed = stored(key).value_or(std::clamp<std::uint64_t>(base, 1, kMaxSequence) - 1);
    return make_room() ? &insert(key, committed) : nullptr;
  }
};

ReceiverLedger::ReceiverLedger(std::size_t max_streams, Lookup lookup)
    : impl_(std::make_unique<Impl>(max_streams, std::move(lookup))) {}
ReceiverLedger::~ReceiverLedger() = default;
ReceiverLedger::ReceiverLedger(ReceiverLedger&&) noexcept = default;
ReceiverLedger& ReceiverLedger::operator=(ReceiverLedger&&) noexcept = default;

void ReceiverLedger::load(std::span<Progress const> rows) {
  for (auto const& row : rows) {
    Key const key{row.publisher, row.stream};
    if (impl_->rows.size() >= impl_->max_streams && !impl_->rows.contains(key)) {
      impl_->incomplete = true;
      continue;
    }
    impl_->insert(key, row.last);
  }
}

std::vector<StreamState> ReceiverLedger::hello(
    PublisherId const& id, std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_base) {
  std::vector<StreamState> states;
  states.reserve(stream_and_base.size());
  for (auto const& [stream, base] : stream_and_base) {
    Row* const row = impl_->find({id, stream}, base);
    if (row == nullptr) {
      states.push_back({stream, 0, 0});
      continue;
    }
    row->asked = INT64_MIN;  // whoever says hello starts afresh
    impl_->touch(*row);
    states.push_back({stream, row->committed, row->expected});
  }
  return states;
}

ReceiverLedger::Verdict ReceiverLedger::offer(PublisherId const& id, std::uint64_t stream, std::uint64_t base,
                                              std::uint64_t first, std::uint64_t end, std::int64_t now) {
  using Kind = Verdict::Kind;
  if (first == 0 || first >= end) return {};
  if (end > kMaxSequence) {
    ++impl_->refused;
    return {Kind::kWait, 0, {}};
  }
  base = std::clamp<std::uint64_t>(base, 1, first);  // a batch cannot say that what it holds is gone
  Row* const row = impl_->find({id, stream}, base);
  if (row == nullptr) {
    ++impl_->refused;
    return {Kind::kWait, 0, {}};
  }

  Verdict verdict;
  if (end > row->expected) {
    auto const start = std::max(row->expected, base);  // below base nothing comes any more
    if (first > start) {
      if (row->asked != INT64_MIN && now - row->asked < kAskAgainAfter) return {Kind::kWait, 0, {}};
      row->asked = now;
      return {Kind::kAskAgain, start, {}};
    }
    if (base > row->expected) verdict.lost = Lost{row->expected, base - 1};
    verdict.kind = Kind::kTake;
    verdict.from = std::max(first, row->expected);
    row->expected = end;
    row->asked = INT64_MIN;
  }
  impl_->touch(*row);
  return verdict;
}

void ReceiverLedger::commit(std::span<Progress const> progress) {
  for (auto const& [publisher, stream, last] : progress) {
    Row* const row = impl_->find({publisher, stream}, last + 1);
    if (row == nullptr) {  // the store has it: that is enough
      impl_->incomplete = true;
      continue;
    }
    row->committed = std::max(row->committed, last);
    row->expected = std::max(row->expected, row->committed + 1);
    impl_->touch(*row);
  }
}

void ReceiverLedger::roll_back() {
  for (auto& [key, row] : impl_->rows) {
    if (row.idle()) continue;
    row.expected = row.committed + 1;
    row.asked = INT64_MIN;
    impl_->touch(row);
  }
}

StreamState ReceiverLedger::state(PublisherId const& id, std::uint64_t stream) const {
  Key const key{id, stream};
  if (auto const at = impl_->rows.find(key); at != impl_->rows.end())
    return {stream, at->second.committed, at->second.expected};
  auto const committed = impl_->stored(key).value_or(0);
  return {stream, committed, committed + 1};
}

bool ReceiverLedger::complete(PublisherId const& id,
                              std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_last) const {
  return std::all_of(stream_and_last.begin(), stream_and_last.end(), [&](auto const& pair) {
    return pair.second == 0 || state(id, pair.first).committed >= pair.second;
  });
}

std::size_t ReceiverLedger::size() const noexcept { return impl_->rows.size(); }
std::uint64_t ReceiverLedger::refused() const noexcept { return impl_->refused; }

}  // namespace logboom::delivery
