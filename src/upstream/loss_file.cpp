// See loss_file.hpp.
#include "upstream/loss_file.hpp"

#include "record/check.hpp"

#include <fcntl.h>
#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace logboom::upstream {

/// One range in the file; all zero: free.
struct LossFile::Slot {
  PublisherId publisher{};
  std::uint64_t stream = 0, first = 0, last = 0, count = 0;
  std::uint64_t stands = 0;  // 1: the transaction that it is of was made
  std::uint64_t check = 0;   // over everything else

  std::uint64_t sum() const noexcept {
    Slot copy = *this;
    copy.check = 0;
    return check_bytes(0, std::as_bytes(std::span(&copy, 1)));
  }
  bool used() const noexcept { return first >= 1 && last >= first && check == sum(); }
};

LossFile::LossFile(std::filesystem::path path, std::size_t most)
    : file_(spool::FileHandle::open(std::move(path), O_RDWR | O_CREAT)) {
  static_assert(sizeof(Slot) == 64);
  if (auto const error = file_.allocate(most * sizeof(Slot)))
    spool::throw_system_error(error.value(), "no room for", file_.path());
  std::vector<Slot> slots(most);
  (void)file_.read_at(0, std::as_writable_bytes(std::span(slots)));
  for (std::size_t i = most; i > 0; --i) {
    auto const& slot = slots[i - 1];
    if (slot.used()) {
      Loss const loss{{slot.publisher, slot.stream, slot.first, slot.last}, slot.count};
      Key const key{slot.publisher, slot.stream, slot.first};
      losses_[key] = {loss, i - 1, slot.stands == 0};
      if (slot.stands == 0) fresh_.push_back(key);
    } else {
      free_.push_back(i - 1);
    }
  }
  // Of two that overlap a death kept the writer from removing the shorter.
  for (auto at = losses_.begin(); at != losses_.end();) {
    auto const here = at++;
    if (here == losses_.begin()) continue;
    auto const& ahead = std::prev(here)->second.loss.span;
    auto const& span = here->second.loss.span;
    if (ahead.publisher == span.publisher && ahead.stream == span.stream && span.first <= ahead.last)
      free(here);
  }
}

/// The range of this stream that begins before it, if there is one.
LossFile::Kept* LossFile::before(Span const& span) {
  auto const at = losses_.upper_bound({span.publisher, span.stream, span.first});
  if (at == losses_.begin()) return nullptr;
  auto& [key, kept] = *std::prev(at);
  auto const& known = kept.loss.span;
  return known.publisher == span.publisher && known.stream == span.stream ? &kept : nullptr;
}

bool LossFile::add(Loss const& given) {
  auto loss = given;
  auto* const known = before(loss.span);
  if (known != nullptr &&
      known->loss.span.last >= loss.span.first) {  // once more, of a transaction that was not made
    if (known->loss.span.last >= loss.span.last) return true;
    loss.span.first = known->loss.span.last + 1;
    loss.count = std::min(loss.count, loss.span.last - loss.span.first + 1);
  }
  auto const next = losses_.lower_bound({loss.span.publisher, loss.span.stream, loss.span.first});
  if (next != losses_.end() && next->second.loss.span.publisher == loss.span.publisher &&
      next->second.loss.span.stream == loss.span.stream && next->second.loss.span.first <= loss.span.last)
    return add_around(loss, next->second.loss.span);
  // What stands is not mixed with what does not yet: after a death it could not be told apart.
  bool const follows = known != nullptr && known->loss.span.last + 1 == loss.span.first;
  if (follows && (known->fresh || free_.empty())) {
    known->loss.span.last = loss.span.last;
    known->loss.count += loss.count;
    write(*known);
    return true;
  }
  if (free_.empty()) return false;
  Key const key{loss.span.publisher, loss.span.stream, loss.span.first};
  auto const slot = free_.back();
  free_.pop_back();
  auto& kept = losses_[key] = {loss, slot, true};
  fresh_.push_back(key);
  write(kept);
  return true;
}

/// Numbers of which some stand already: they come again to a store that was begun anew.
bool LossFile::add_around(Loss const& loss, Span const within) {
  auto const part = [&](std::uint64_t first, std::uint64_t last) {
    if (first > last) return true;
    return add({{loss.span.publisher, loss.span.stream, first, last}, std::min(loss.count, last - first + 1)});
  };
  bool const before_it = part(loss.span.first, within.first - 1);
  return part(within.last + 1, loss.span.last) && before_it;
}

void LossFile::settle() {
  for (auto const& key : std::exchange(fresh_, {})) {
    auto const at = losses_.find(key);
    if (at == losses_.end()) continue;
    at->second.fresh = false;
    auto const& span = at->second.loss.span;
    auto* const ahead = at == losses_.begin() ? nullptr : &std::prev(at)->second;
    if (ahead == nullptr || ahead->fresh || ahead->loss.span.publisher != span.publisher ||
        ahead->loss.span.stream != span.stream || ahead->loss.span.last + 1 != span.first) {
      write(at->second);
      continue;
    }
    // The longer one first: of two that overlap the next opening keeps it.
    ahead->loss.span.last = span.last;
    ahead->loss.count += at->second.loss.count;
    write(*ahead);
    free(at);
  }
}

void LossFile::forget_after(PublisherId const& publisher, std::uint64_t stream, std::uint64_t last) {
  for (auto at = losses_.lower_bound({publisher, stream, 0}); at != losses_.end();) {
    auto const here = at++;
    auto& [loss, slot, fresh] = here->second;
    if (loss.span.publisher != publisher || loss.span.stream != stream) break;
    if (!fresh) continue;
    if (loss.span.first > last) {
      free(here);
    } else if (loss.span.last > last) {
      loss.span.last = last;
      loss.count = std::min(loss.count, last - loss.span.first + 1);
      write(here->second);
    }
  }
}

std::vector<Loss> LossFile::first(std::size_t most) const {
  std::vector<Loss> list;
  for (auto const& [key, kept] : losses_) {
    if (list.size() == most) break;
    if (!kept.fresh) list.push_back(kept.loss);
  }
  return list;
}

std::vector<std::pair<PublisherId, std::uint64_t>> LossFile::streams() const {
  std::vector<std::pair<PublisherId, std::uint64_t>> list;
  for (auto const& [key, kept] : losses_) {
    std::pair const stream(kept.loss.span.publisher, kept.loss.span.stream);
    if (list.empty() || list.back() != stream) list.push_back(stream);
  }
  return list;
}

void LossFile::remove(std::vector<Loss> const& losses) {
  for (auto const& loss : losses) {
    auto const at = losses_.find({loss.span.publisher, loss.span.stream, loss.span.first});
    if (at != losses_.end()) free(at);
  }
}

void LossFile::free(std::map<Key, Kept>::iterator at) {
  erase(at->second.slot);
  free_.push_back(at->second.slot);
  losses_.erase(at);
}

/// Its blocks are there: what could fail is the disk itself, and then what is in memory still holds.
void LossFile::write(Kept const& kept) {
  auto const& [span, count] = kept.loss;
  Slot slot{span.publisher, span.stream, span.first, span.last, count, kept.fresh ? 0U : 1U, 0};
  slot.check = slot.sum();
  (void)file_.write_at(kept.slot * sizeof slot, std::as_bytes(std::span(&slot, 1)));
}

void LossFile::erase(std::size_t slot) {
  Slot const nothing;
  (void)file_.write_at(slot * sizeof nothing, std::as_bytes(std::span(&nothing, 1)));
}

}  // namespace logboom::upstream
