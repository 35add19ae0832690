// See appender.hpp.
#include "upstream/appender.hpp"

#include "upstream/span_cursors.hpp"

#include <logboom/query.hpp>

#include <fmt/format.h>

#include <map>
#include <system_error>
#include <utility>

namespace logboom::upstream {
namespace {

constexpr std::int64_t kDeclareAgain = 100;  // ms between two attempts to declare losses
constexpr std::size_t kLossesAFrame = 500;
constexpr std::string_view kLost = "the spool of the forwarding collector was full";

}  // namespace

Appender::Appender(ForwardSpool& spool, LossFile& losses, sinks::Selector const& selector, Options options,
                   Hooks hooks)
    : spool_(spool),
      losses_(losses),
      selector_(selector),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      losing_(!losses.empty()) {}

void Appender::append(std::span<std::unique_ptr<Block> const> blocks) {
  std::lock_guard const lock(appending_);
  committing_ = true;
  losing_now_ = losing_now_ && !frames_.empty();
  if (frames_.empty()) {  // else this is the same call again, which had no room
    for (auto const& block : blocks) encode(*block);
    finish_frame();
  }
  store_frames();
}

void Appender::committed() {
  std::lock_guard const lock(appending_);
  committing_ = false;
  losses_.settle();
  spool_.publish();
  hooks_.wake();
}

void Appender::reconcile(std::span<Progress const> ledger) {
  std::map<std::pair<PublisherId, std::uint64_t>, std::uint64_t> last;
  for (auto const& row : ledger) {
    last[{row.publisher, row.stream}] = row.last;
    if (row.publisher == spool_.id()) spool_.forget_after(row.stream, row.last);
  }
  for (auto const& stream : losses_.streams())
    losses_.forget_after(stream.first, stream.second, last[stream]);
  losses_.settle();
  losing_ = !losses_.empty();
}

void Appender::encode(Block const& block) {
  SpanCursors cursors(block.spans);
  selector_.select(block, selected_);
  auto gap = block.gaps.begin();
  std::uint64_t const plain_stream = spool_.stream() + 1;
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    auto const& entry = block.entries[i];
    auto const& source = *block.sources[entry.source];
    if (gap != block.gaps.end() && gap->entry == i) {
      auto const from = cursors.settle(gap->publisher, gap->stream, gap->first, gap->last);
      builder_.add_gap(block.sources[entry.source], *gap, from);
      ++gap;
    } else if (!passes(block, i)) {
      filtered_.fetch_add(1, std::memory_order_relaxed);
      continue;
    } else if (entry.sequence == 0 || source.publisher == PublisherId{}) {
      ++plain_;
      builder_.add(block, entry, {spool_.id(), plain_stream, plain_, plain_});
    } else {
      auto const from = cursors.settle(source.publisher, source.stream, entry.sequence, entry.sequence);
      builder_.add(block, entry, {source.publisher, source.stream, from, entry.sequence});
    }
    if (builder_.full()) finish_frame();
  }
  cursors.rest([this](Span const& span) {
    builder_.withhold(span);
    if (builder_.full()) finish_frame();
  });
}

bool Appender::passes(Block const& block, std::size_t index) const {
  return selected_[index] && (!selector_.looks_inside() || selector_.matches(to_record(block, index)));
}

void Appender::finish_frame() {
  if (builder_.empty()) return;
  auto const parts = builder_.parts();
  Encoded frame{{}, builder_.records(), {parts.begin(), parts.end()}};
  auto const contents = builder_.finish();
  frame.contents.assign(contents.begin(), contents.end());
  frames_.push_back(std::move(frame));
}

void Appender::store_frames() {
  while (!frames_.empty()) {
    auto const& frame = frames_.front();
    // What comes after a loss in one transaction is lost as well: the loss is not to be declared before the transaction is made.
    if (losing_now_ || !declare_losses() || !spool_.append(frame.contents, frame.records)) {
      if (options_.waits) refuse();
      lose(frame);
      losing_now_ = true;
    }
    frames_.pop_front();
  }
}

/// What there was no room for comes before what there is room for now. False: there still is none.
bool Appender::declare_losses() {
  if (losses_.settled() && !spool_.roomy()) return false;
  while (losses_.settled()) {
    auto const losses = losses_.first(kLossesAFrame);
    wire::ForwardBuilder frame;
    for (auto const& [span, count] : losses) {
      if (count == 0) {
        frame.withhold(span);
        continue;
      }
      Source source;
      source.publisher = span.publisher;
      source.host = options_.host;
      source.stream = span.stream;
      frame.add_gap(
          std::make_shared<Source const>(std::move(source)),
          {span.publisher, span.stream, span.last - count + 1, span.last, hooks_.clock(), std::string(kLost)},
          span.first);
    }
    if (!spool_.append(frame.finish(), 0, ForwardSpool::Kind::kLosses)) return false;
    losses_.remove(losses);
  }
  losing_ = !losses_.empty();
  if (!losing_ && std::exchange(full_, false)) {
    hooks_.recovered(
        fmt::format("upstream {}: there is room in the spool again; {} records were declared lost so far",
                    options_.name, dropped_.load(std::memory_order_relaxed)));
  }
  return true;
}

/// When nothing more comes to be appended. Not amid a commit: what stands after its frames is taken back with them.
void Appender::declare_quietly(std::int64_t now) {
  if (!losing_ || now < declare_again_) return;
  declare_again_ = now + kDeclareAgain;
  std::lock_guard const lock(appending_);
  if (!committing_ && declare_losses()) spool_.publish();
}

void Appender::lose(Encoded const& frame) {
  auto const why = spool_.error();
  std::uint64_t lost = 0;
  std::uint64_t unsaid = 0;
  for (auto const& [span, count] : frame.parts) {
    lost += count;
    if (!losses_.add({span, count})) unsaid += count;
  }
  losing_ = true;
  dropped_.fetch_add(lost, std::memory_order_relaxed);
  if (unsaid > 0) {
    hooks_.report(
        level::kError,
        fmt::format("upstream {}: {} records are lost to it, and of more streams than can be declared to it",
                    options_.name, unsaid));
  }
  if (std::exchange(full_, true)) return;
  bool const bound = why == std::errc::no_buffer_space;
  hooks_.failed(fmt::format("upstream {}: {} ({}); what comes now is declared lost there{}", options_.name,
                            bound ? fmt::format("its spool is at its bound of {} bytes", options_.spool_bytes)
                                  : "its spool cannot be written",
                            bound ? spool_.directory().string() : why.message(),
                            options_.stored ? ", and is in the store here" : ""));
}

void Appender::refuse() {
  auto const why = spool_.error();
  // All the room may have gone to what is being committed: it has to leave before there is more.
  spool_.publish();
  hooks_.wake();
  throw StoreError(fmt::format("upstream {}: the spool {} {}", options_.name, spool_.directory().string(),
                               why == std::errc::no_buffer_space
                                   ? fmt::format("is at its bound of {} bytes", options_.spool_bytes)
                                   : "cannot be written: " + why.message()),
                   StoreError::Kind::kTransient);
}

}  // namespace logboom::upstream
