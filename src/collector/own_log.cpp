// The collector's own records and notices. Must not know sockets or the store.
#include "collector/own_log.hpp"

#include "record/wire.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <utility>

namespace logboom::collector {
namespace {

std::shared_ptr<Source const> own_source(std::string host, std::int64_t now) {
  auto source = std::make_shared<Source>();
  source->host = std::move(host);
  source->process = OwnLog::kProcess;
  source->pid = static_cast<std::uint64_t>(::getpid());
  source->started = now;
  return source;
}

}  // namespace

OwnLog::OwnLog(std::string host, Level least, Notice notice, Now now)
    : source_(own_source(std::move(host), now())),
      least_(least),
      notice_(std::move(notice)),
      now_(std::move(now)) {}

void OwnLog::note(Kind kind, Level level, std::string message) {
  if (level < least_) return;
  auto const now = now_();
  std::lock_guard const lock(mutex_);
  if (admit(kind, now, message)) pending_.push_back({now, level, std::move(message)});
}

void OwnLog::tell(Kind kind, Level level, std::string message) {
  auto const now = now_();
  std::lock_guard const lock(mutex_);
  if (!admit(kind, now, message)) return;
  if (notice_) notice_(message);
  if (level >= least_) pending_.push_back({now, level, std::move(message)});
}

bool OwnLog::empty() const {
  std::lock_guard const lock(mutex_);
  return pending_.empty();
}

void OwnLog::move_into(Block& block) {
  std::vector<Pending> pending;
  {
    std::lock_guard const lock(mutex_);
    pending.swap(pending_);
  }
  for (auto const& one : pending) wire::add_entry(block, site(one.level), source_, one.time, 0, one.message);
}

bool OwnLog::admit(Kind kind, std::int64_t now, std::string& message) {
  auto& budget = budgets_[static_cast<std::size_t>(kind)];
  if (auto const earned = (now - budget.since) / kEvery; earned > 0 || now < budget.since) {
    budget.left = static_cast<std::uint32_t>(
        std::min<std::int64_t>(kBurst, budget.left + std::max<std::int64_t>(earned, 0)));
    budget.since = now;
  }
  if (budget.left == 0 || pending_.size() >= kMaxPending) {
    ++budget.left_out;
    return false;
  }
  --budget.left;
  if (message.size() > kMaxMessage) message.replace(kMaxMessage, std::string::npos, "…");
  if (budget.left_out > 0)
    message += fmt::format(" ({} more like this were left out)", std::exchange(budget.left_out, 0));
  return true;
}

std::shared_ptr<Site const> OwnLog::site(Level level) {
  auto& known = sites_[level];
  if (!known) {
    auto made = std::make_shared<Site>();
    made->level = level;
    made->level_name = level_name(level);
    made->logger = kLogger;
    known = std::move(made);
  }
  return known;
}

}  // namespace logboom::collector
