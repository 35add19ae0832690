// The receiver's ledger in memory: one small row a stream, the idle ones in a list from least to most recently used.
// Must not know sockets, clocks, threads or the store.
#include "delivery/receiver_ledger.hpp"

#include "record/random_bytes.hpp"

#include <algorithm>
#include <cstring>
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
  std::uint64_t seed = random_seed();
  std::size_t operator()(Key const& key) const noexcept {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::memcpy(&low, key.id.data(), 8);
    std::memcpy(&high, key.id.data() + 8, 8);
    return mix(mix(mix(seed ^ low) ^ high) ^ key.stream);
  }
};

/// Few streams have any: a pointer each is what the others pay.
class MissingRanges {
 public:
  std::span<Missing const> list() const noexcept {
    return list_ ? std::span<Missing const>(*list_) : std::span<Missing const>();
  }
  void assign(std::span<Missing const> ranges) {
    if (ranges.empty())
      list_.reset();
    else
      list_ = std::make_unique<std::vector<Missing>>(ranges.begin(), ranges.end());
  }
  bool same(MissingRanges const& other) const noexcept {
    return std::equal(list().begin(), list().end(), other.list().begin(), other.list().end());
  }

 private:
  std::unique_ptr<std::vector<Missing>> list_;
};

struct Row {
  std::uint64_t committed = 0;
  std::uint64_t expected = 1;
  std::uint64_t base = 1;           // the last hello's
  MissingRanges missing;            // below expected
  MissingRanges committed_missing;  // as the last commit left it
  std::int64_t asked = INT64_MIN;   // when a resend was asked for last
  Key const* key = nullptr;         // the map's own, which does not move
  Row* older = nullptr;             // neighbours in the list of idle rows
  Row* newer = nullptr;

  bool idle() const noexcept { return committed + 1 == expected && missing.same(committed_missing); }
};

using Lost = ReceiverLedger::Lost;

/// [first, last] did not come. At the bound the lowest range is given up; it is returned if nothing declares it yet.
std::optional<Lost> miss(Row& row, Missing range) {
  auto const known = row.missing.list();
  std::vector<Missing> ranges(known.begin(), known.end());
  auto const lower = [](Missing const& one, Missing const& other) { return one.first < other.first; };
  ranges.insert(std::upper_bound(ranges.begin(), ranges.end(), range, lower), range);
  std::optional<Lost> given_up;
  if (ranges.size() > ReceiverLedger::kMaxMissing) {
    if (!ranges.front().declared) given_up = Lost{ranges.front().first, ranges.front().last};
    ranges.erase(ranges.begin());
  }
  row.missing.assign(ranges);
  return given_up;
}

/// What of [first, last] is missing comes now.
void fill(Row& row, std::uint64_t first, std::uint64_t last, ReceiverLedger::Admission& admission) {
  std::vector<Missing> left;
  bool found = false;
  for (auto const& range : row.missing.list()) {
    auto const from = std::max(first, range.first);
    auto const to = std::min(last, range.last);
    if (from > to) {
      left.push_back(range);
      continue;
    }
    found = true;
    admission.take.push_back({from, to});
    if (range.declared) admission.arrived.push_back({from, to});
    if (range.first < from) left.push_back({range.first, from - 1, range.declared});
    if (to < range.last) left.push_back({to + 1, range.last, range.declared});
  }
  if (found) row.missing.assign(left);
}

}  // namespace

struct ReceiverLedger::Impl {
  std::size_t max_streams;
  Lookup lookup;
  std::unordered_map<Key, Row, Hash> rows;
  Row list;                 // sentinel: list.newer is the least, list.older the most recently used
  std::size_t idle = 0;     // rows in it
  bool incomplete = false;  // the store may hold streams that are not in memory
  std::uint64_t refused = 0;

  Impl(std::size_t max, Lookup hook) : max_streams(std::max<std::size_t>(max, 1)), lookup(std::move(hook)) {
    list.older = list.newer = &list;
  }

  void unlink(Row& row) noexcept {
    if (row.older == nullptr) return;
    --idle;
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
    ++idle;
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

  std::optional<Progress> stored(Key const& key) const {
    if (!incomplete || !lookup) return std::nullopt;
    return lookup(key.id, key.stream);
  }

  Row& insert(Key const& key, std::uint64_t committed, std::span<Missing const> missing) {
    auto const [at, added] = rows.try_emplace(key);
    Row& row = at->second;
    row.key = &at->first;
    row.committed = committed;
    row.expected = committed + 1;
    row.missing.assign(missing);
    row.committed_missing.assign(missing);
    touch(row);
    return row;
  }

  /// The row of a stream. One that is not known starts at `base`: what is below may come from another collector. Null when there is no room.
  Row* find(Key const& key, std::uint64_t base) {
    if (auto const at = rows.find(key); at != rows.end()) return &at->second;
    auto const known = stored(key);
    if (!make_room()) return nullptr;
    if (known) return &insert(key, known->last, known->missing);
    auto const committed = std::clamp<std::uint64_t>(base, 1, kMaxSequence) - 1;
    Missing const below{1, committed, false};
    return &insert(key, committed, {&below, committed > 0 ? 1U : 0U});
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
    impl_->insert(key, row.last, row.missing);
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
    row->base = base;
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
    if (base > row->expected) {
      verdict.lost = Lost{row->expected, base - 1};
      verdict.given_up = miss(*row, {row->expected, base - 1, true});
    }
    verdict.kind = Kind::kTake;
    verdict.from = std::max(first, row->expected);
    row->expected = end;
    row->asked = INT64_MIN;
  }
  impl_->touch(*row);
  return verdict;
}

ReceiverLedger::Admission ReceiverLedger::admit(PublisherId const& id, std::uint64_t stream,
                                                std::uint64_t first, std::uint64_t last) {
  Admission admission;
  if (first == 0 || first > last || last > kMaxSequence) return admission;
  Row* const row = impl_->find({id, stream}, 1);
  if (row == nullptr) {
    ++impl_->refused;
    return admission;
  }
  fill(*row, first, last, admission);
  if (last >= row->expected) {
    auto const from = std::max(first, row->expected);
    if (from > row->expected) admission.given_up = miss(*row, {row->expected, from - 1, false});
    admission.take.push_back({from, last});
    row->expected = last + 1;
  }
  impl_->touch(*row);
  return admission;
}

std::optional<Lost> ReceiverLedger::lose(PublisherId const& id, std::uint64_t stream, std::uint64_t first,
                                         std::uint64_t last) {
  auto const at = impl_->rows.find(Key{id, stream});
  if (at == impl_->rows.end()) return std::nullopt;
  auto const given_up = miss(at->second, {first, last, true});
  impl_->touch(at->second);
  return given_up;
}

bool ReceiverLedger::know(PublisherId const& id, std::uint64_t stream) {
  Row* const row = impl_->find({id, stream}, 1);
  if (row != nullptr) impl_->touch(*row);
  return row != nullptr;
}

bool ReceiverLedger::room(std::size_t streams) const noexcept {
  return impl_->rows.size() - impl_->idle + streams <= impl_->max_streams;
}

Progress ReceiverLedger::progress(PublisherId const& id, std::uint64_t stream) const {
  Progress progress{id, stream, 0};
  auto const at = impl_->rows.find(Key{id, stream});
  if (at == impl_->rows.end()) return progress;
  progress.last = at->second.expected - 1;
  auto const missing = at->second.missing.list();
  progress.missing.assign(missing.begin(), missing.end());
  return progress;
}

void ReceiverLedger::commit(std::span<Progress const> progress) {
  for (auto const& [publisher, stream, last, missing] : progress) {
    Key const key{publisher, stream};
    auto const at = impl_->rows.find(key);
    if (at == impl_->rows.end()) {
      if (impl_->make_room())
        impl_->insert(key, last, missing);
      else
        impl_->incomplete = true;  // the store has it: that is enough
      continue;
    }
    Row& row = at->second;
    row.committed = std::max(row.committed, last);
    if (row.committed >= row.expected) {
      row.expected = row.committed + 1;
      row.missing.assign(missing);
    }
    row.committed_missing.assign(missing);
    impl_->touch(row);
  }
}

void ReceiverLedger::roll_back() {
  for (auto& [key, row] : impl_->rows) {
    if (row.idle()) continue;
    row.expected = row.committed + 1;
    row.missing.assign(row.committed_missing.list());
    row.asked = INT64_MIN;
    impl_->touch(row);
  }
}

StreamState ReceiverLedger::state(PublisherId const& id, std::uint64_t stream) const {
  Key const key{id, stream};
  if (auto const at = impl_->rows.find(key); at != impl_->rows.end())
    return {stream, at->second.committed, at->second.expected};
  auto const stored = impl_->stored(key);
  auto const committed = stored ? stored->last : 0;
  return {stream, committed, committed + 1};
}

bool ReceiverLedger::complete(PublisherId const& id,
                              std::span<std::pair<std::uint64_t, std::uint64_t> const> stream_and_last) const {
  return std::all_of(stream_and_last.begin(), stream_and_last.end(), [&](auto const& pair) {
    auto const& [stream, last] = pair;
    if (last == 0) return true;
    auto const at = impl_->rows.find(Key{id, stream});
    return (at != impl_->rows.end() && last < at->second.base) || state(id, stream).committed >= last;
  });
}

std::size_t ReceiverLedger::size() const noexcept { return impl_->rows.size(); }
std::uint64_t ReceiverLedger::refused() const noexcept { return impl_->refused; }

}  // namespace logboom::delivery
