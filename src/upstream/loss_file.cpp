// See loss_file.hpp.
#include "upstream/loss_file.hpp"

#include "spool/check.hpp"

#include <fcntl.h>
#include <algorithm>
#include <span>
#include <utility>

namespace logboom::upstream {

/// One range in the file; all zero: free.
struct LossFile::Slot {
  PublisherId publisher{};
  std::uint64_t stream = 0, first = 0, last = 0, count = 0;
  std::uint64_t reserved = 0;
  std::uint64_t check = 0;  // over everything else

  std::uint64_t sum() const noexcept {
    Slot copy = *this;
    copy.check = 0;
    return spool::check_bytes(0, std::as_bytes(std::span(&copy, 1)));
  }
  bool used() const noexcept { return first >= 1 && last >= first && check == sum(); }
};

LossFile::LossFile(std::filesystem::path path)
    : file_(spool::FileHandle::open(std::move(path), O_RDWR | O_CREAT)) {
  static_assert(sizeof(Slot) == 64);
  constexpr std::size_t kBytes = kMaxLosses * sizeof(Slot);
  if (auto const error = file_.allocate(kBytes))
    spool::throw_system_error(error.value(), "no room for", file_.path());
  std::vector<Slot> slots(kMaxLosses);
  (void)file_.read_at(0, std::as_writable_bytes(std::span(slots)));
  for (std::size_t i = kMaxLosses; i > 0; --i) {
    auto const& slot = slots[i - 1];
    if (slot.used()) {
      Loss const loss{{slot.publisher, slot.stream, slot.first, slot.last}, slot.count};
      losses_[{slot.publisher, slot.stream, slot.first}] = {loss, i - 1};
    } else {
      free_.push_back(i - 1);
    }
  }
}

bool LossFile::add(Loss const& loss) {
  auto const& span = loss.span;
  // The range of this stream that ends right before it, if there is one.
  auto at = losses_.lower_bound({span.publisher, span.stream, span.first});
  if (at != losses_.begin()) {
    auto& [loss_before, slot] = std::prev(at)->second;
    if (loss_before.span.publisher == span.publisher && loss_before.span.stream == span.stream &&
        loss_before.span.last + 1 == span.first) {
      loss_before.span.last = span.last;
      loss_before.count += loss.count;
      write(slot, &loss_before);
      return true;
    }
  }
  if (free_.empty()) return false;
  auto const [added, fresh] =
      losses_.try_emplace({span.publisher, span.stream, span.first}, Kept{loss, free_.back()});
  if (fresh) free_.pop_back();
  added->second.loss = loss;
  write(added->second.slot, &loss);
  return true;
}

std::vector<Loss> LossFile::first(std::size_t most) const {
  std::vector<Loss> list;
  for (auto const& [key, kept] : losses_) {
    if (list.size() == most) break;
    list.push_back(kept.loss);
  }
  return list;
}

void LossFile::remove(std::vector<Loss> const& losses) {
  for (auto const& loss : losses) {
    auto const at = losses_.find({loss.span.publisher, loss.span.stream, loss.span.first});
    if (at == losses_.end()) continue;
    write(at->second.slot, nullptr);
    free_.push_back(at->second.slot);
    losses_.erase(at);
  }
}

/// Its blocks are there: what could fail is the disk itself, and then what is in memory still holds.
void LossFile::write(std::size_t slot, Loss const* loss) {
  Slot bytes;
  if (loss != nullptr) {
    bytes.publisher = loss->span.publisher;
    bytes.stream = loss->span.stream;
    bytes.first = loss->span.first;
    bytes.last = loss->span.last;
    bytes.count = loss->count;
    bytes.check = bytes.sum();
  }
  (void)file_.write_at(slot * sizeof bytes, std::as_bytes(std::span(&bytes, 1)));
}

}  // namespace logboom::upstream
