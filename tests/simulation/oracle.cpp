// See oracle.hpp.
#include "oracle.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace logboom::simulation {

std::uint64_t Oracle::logged(StreamKey const& key, bool dropped) {
  auto& stream = streams_[key];
  stream.dropped.push_back(dropped);
  ++count_;
  return stream.dropped.size();
}

std::string Oracle::text(StreamKey const& key, std::uint64_t number) {
  return fmt::format("{:x}{:02x}.{}.{};", static_cast<unsigned>(key.publisher[0]),
                     static_cast<unsigned>(key.publisher[1]), key.stream, number);
}

Oracle::Logged const* Oracle::find(StreamKey const& key) const {
  auto const found = streams_.find(key);
  return found == streams_.end() ? nullptr : &found->second;
}

// --- Store

std::string Store::where(StreamKey const& key, std::uint64_t number) const {
  auto const* const logged = oracle_->find(key);
  return fmt::format("{}, record {} of {}", name_, number,
                     logged != nullptr ? logged->name : "a stream that nobody logs to");
}

Store::Fate Store::fate(StreamKey const& key, std::uint64_t number) const {
  auto const found = streams_.find(key);
  if (found == streams_.end() || number == 0 || number > found->second.fates.size()) return Fate::kNone;
  return found->second.fates[number - 1];
}

void Store::mark(StreamKey const& key, std::uint64_t number, Fate fate) {
  auto& stream = streams_[key];
  if (stream.fates.size() < number) stream.fates.resize(number, Fate::kNone);
  auto& known = stream.fates[number - 1];
  if (known != Fate::kNone) {
    oracle_->fail(where(key, number) + (known != fate           ? " is stored and declared lost"
                                        : fate == Fate::kStored ? " is stored twice"
                                                                : " is declared lost twice"));
  }
  known = fate;
  if (fate != Fate::kStored) return;
  if (number < stream.last_stored && !oracle_->several_ways)
    oracle_->fail(where(key, number) + fmt::format(" is stored after {}", stream.last_stored));
  stream.last_stored = number;
}

void Store::write(std::span<std::unique_ptr<Block> const> blocks) {
  for (auto const& row : std::exchange(late_, {})) advance(row);
  for (auto const& block : blocks) {
    settle_gaps(*block);
    take(*block);
    block->first_id = static_cast<std::int64_t>(rows_) + 1;
    rows_ += block->entries.size();
  }
  for (auto const& block : blocks) {
    for (auto const& row : block->progress) {
      if (mutations_.ledger_outside && dice_->chance(0.3))
        late_.push_back(row);
      else
        advance(row);
    }
  }
}

void Store::advance(Progress const& progress) {
  auto& row = ledger_[{progress.publisher, progress.stream}];
  if (progress.last >= row.last) row = progress;
  if (mutations_.missing_forgotten) row.missing.clear();
}

void Store::settle_gaps(Block const& block) {
  auto arrival = block.arrivals.begin();
  for (std::size_t i = 0; i <= block.gaps.size(); ++i) {
    for (; arrival != block.arrivals.end() && arrival->gaps <= i; ++arrival) {
      auto const& span = arrival->span;
      auto& fates = streams_[{span.publisher, span.stream}].fates;
      for (auto n = span.first; n <= span.last && n <= fates.size(); ++n) {
        if (fates[n - 1] == Fate::kDeclared) fates[n - 1] = Fate::kNone;
      }
    }
    if (i == block.gaps.size()) break;
    auto const& gap = block.gaps[i];
    StreamKey const key{gap.publisher, gap.stream};
    auto const* const logged = oracle_->find(key);
    for (auto n = gap.first; n <= gap.last && !mutations_.gaps_forgotten; ++n) {
      mark(key, n, Fate::kDeclared);
      bool const dropped = logged != nullptr && n <= logged->dropped.size() && logged->dropped[n - 1];
      bool const elsewhere = oracle_->several_ways || (gap.found && oracle_->several_collectors);
      if (!dropped && !elsewhere && !oracle_->upstream_losses)
        oracle_->fail(where(key, n) + fmt::format(" is declared lost ({}), and was not dropped", gap.reason));
    }
  }
}

void Store::take(Block const& block) {
  std::size_t gap = 0;
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    if (gap < block.gaps.size() && block.gaps[gap].entry == i) {
      ++gap;
      continue;
    }
    auto const& entry = block.entries[i];
    auto const& source = *block.sources[entry.source];
    if (entry.sequence == 0) continue;  // the collector's own
    StreamKey const key{source.publisher, source.stream};
    mark(key, entry.sequence, Fate::kStored);
    if (oracle_->forwarders.contains(key.publisher)) continue;
    if (others_ && !oracle_->hub_may_lead && !others_(key, entry.sequence))
      oracle_->fail(where(key, entry.sequence) + " is there before the collector that forwards it has it");
    auto const* const logged = oracle_->find(key);
    if (logged == nullptr || entry.sequence > logged->dropped.size())
      oracle_->fail(where(key, entry.sequence) + fmt::format(" was never logged: {:.60}", entry.message));
    else if (!entry.message.starts_with(Oracle::text(key, entry.sequence)))
      oracle_->fail(where(key, entry.sequence) + fmt::format(" is another one: {:.40}", entry.message));
  }
}

std::vector<Progress> Store::ledger() const {
  std::vector<Progress> rows;
  rows.reserve(ledger_.size());
  for (auto const& [key, row] : ledger_) rows.push_back(row);
  return rows;
}

std::optional<Progress> Store::progress(PublisherId const& id, std::uint64_t stream) const {
  auto const found = ledger_.find({id, stream});
  return found == ledger_.end() ? std::nullopt : std::optional(found->second);
}

std::uint64_t Store::committed(StreamKey const& key) const {
  auto const found = ledger_.find(key);
  return found == ledger_.end() ? 0 : found->second.last;
}

void Store::verify() const {
  for (auto const& [key, logged] : oracle_->streams()) {
    auto const row = progress(key.publisher, key.stream);
    auto const last = row ? row->last : 0;
    auto const found = streams_.find(key);
    if (last > logged.dropped.size())
      oracle_->fail(where(key, last) + " is committed by the ledger and was never logged");
    if (found != streams_.end() && found->second.fates.size() > last)
      oracle_->fail(where(key, found->second.fates.size()) +
                    fmt::format(" is stored, and the ledger is at {}", last));
    for (std::uint64_t n = 1; n <= last; ++n) {
      bool const missing = std::any_of(row->missing.begin(), row->missing.end(), [&](Missing const& range) {
        return !range.declared && range.first <= n && n <= range.last;
      });
      bool const here = fate(key, n) != Fate::kNone;
      if (here && missing) oracle_->fail(where(key, n) + " is there, and the ledger says that it is missing");
      if (!here && !missing)
        oracle_->fail(where(key, n) +
                      fmt::format(" is neither stored nor declared lost, and the ledger is at {}", last));
    }
  }
}

}  // namespace logboom::simulation
