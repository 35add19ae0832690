#include "store/archivist.hpp"

#include "posix/background_thread.hpp"
#include "posix/fault_point.hpp"
#include "store/closed_files.hpp"
#include "store/closed_form.hpp"
#include "store/next_file.hpp"
#include "store/store_size.hpp"

#include <logboom/query.hpp>

#include <fmt/core.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace logboom::store {
namespace {

constexpr std::int64_t kPause = 10;  // seconds between looks, and before what failed is tried again
constexpr int kNice = 10;            // rewriting a file is not to take the processor from those who log

std::uint64_t size_of(std::filesystem::path const& file) {
  std::error_code none;
  auto const size = std::filesystem::file_size(file, none);
  return none ? 0 : size;
}

}  // namespace

Archivist::Archivist(std::string path, RetentionPlan plan, Current current, std::uint64_t most_streams,
                     Now now, Notice notice)
    : path_(std::move(path)),
      plan_(std::move(plan)),
      most_streams_(most_streams),
      now_(std::move(now)),
      notice_(std::move(notice)),
      current_(current) {
  thread_ = posix::background_thread("logboom-archive", [this] { run(); });
}

Archivist::~Archivist() {
  {
    std::lock_guard const guard(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Archivist::prepare() {
  std::lock_guard const guard(mutex_);
  if (next_ == Next::kNone) next_ = Next::kWanted;
  changed_.notify_all();
}

bool Archivist::ready() const {
  std::lock_guard const guard(mutex_);
  return next_ == Next::kReady;
}

bool Archivist::wanted() const {
  std::lock_guard const guard(mutex_);
  return next_ != Next::kNone;
}

void Archivist::rotated(Current current) {
  std::lock_guard const guard(mutex_);
  current_ = current;
  next_ = Next::kNone;
  look_ = true;
  changed_.notify_all();
}

void Archivist::destroy(std::shared_ptr<void> what) {
  std::lock_guard const guard(mutex_);
  done_with_.push_back(std::move(what));
  look_ = true;
  changed_.notify_all();
}

void Archivist::look() {
  std::lock_guard const guard(mutex_);
  look_ = true;
  changed_.notify_all();
}

void Archivist::wait_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !working_ && (waits_ || (!look_ && next_ != Next::kWanted)); });
}

void Archivist::run() {
  // Files that are to live for seconds are to go in seconds.
  std::chrono::seconds const pause(plan_.file_period() > 0 ? std::min(plan_.file_period(), kPause) : kPause);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (!waits_ && (look_ || next_ == Next::kWanted)) {
      working_ = true;
      lock.unlock();
      bool const done = make_if_wanted() && attempt([this] { look_after(); });
      lock.lock();
      working_ = false;
      waits_ = waits_ || !done;
      look_ = look_ || !done;
      changed_.notify_all();
      continue;
    }
    bool const woken = changed_.wait_for(
        lock, pause, [this] { return stop_ || (!waits_ && (look_ || next_ == Next::kWanted)); });
    if (!woken) {
      waits_ = false;
      look_ = true;
    }
  }
}

/// @return false: it failed, and that was said.
bool Archivist::attempt(std::function<void()> const& work) {
  try {
    work();
    last_notice_.clear();
    return true;
  } catch (std::exception const& cause) {
    if (last_notice_ != cause.what() && notice_) notice_(cause.what());
    last_notice_ = cause.what();
    return false;
  }
}

/// The writer waits for it: also amid what takes long. @return false: it failed.
bool Archivist::make_if_wanted() {
  {
    std::lock_guard const guard(mutex_);
    if (next_ != Next::kWanted || waits_) return true;
  }
  bool const done = attempt([this] { make(); });
  std::lock_guard const guard(mutex_);
  if (done) {
    next_ = Next::kReady;
  } else {
    waits_ = true;
  }
  changed_.notify_all();
  return done;
}

void Archivist::make() {
  if (!make_next(path_, path_, most_streams_) || !notice_) return;
  notice_(
      fmt::format("{}: its ledger is at its bound of {} streams: those of the publishers that came last are "
                  "left out of the next file, and what they send again of old is stored again; see who "
                  "invents publishers (`SELECT host, process, count(*) FROM source GROUP BY 1, 2`)",
                  path_, most_streams_));
}

void Archivist::look_after() {
  std::vector<std::shared_ptr<void>> done_with;
  {
    std::lock_guard const guard(mutex_);
    done_with.swap(done_with_);
    look_ = false;
  }
  done_with.clear();
  remove_old();
  while (!stop_ && finish_one()) remove_old();
}

bool Archivist::remove_old() {
  Current current;
  {
    std::lock_guard const guard(mutex_);
    current = current_;
  }
  auto files = list_closed(path_);
  std::erase_if(files, [&](ClosedFile const& file) { return file.first_id >= current.first_id; });
  std::vector<RetentionPlan::File> sizes;
  std::uint64_t others = bytes_on_disk(path_);
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::uint64_t const bytes = size_of(files[i].path);
    others -= std::min(others, bytes);
    sizes.push_back({i + 1 < files.size() ? files[i + 1].begun : current.begun, bytes});
  }
  std::size_t const gone = plan_.to_remove(sizes, others, now_());
  for (std::size_t i = 0; i < gone; ++i) {
    fault_point("retention.removing");
    remove_closed(files[i]);
    fault_point("retention.removed");
    finished_.erase(files[i].first_id);
  }
  return gone > 0;
}

/// @return false: there was none to be finished.
bool Archivist::finish_one() {
  Current current;
  {
    std::lock_guard const guard(mutex_);
    current = current_;
  }
  auto const go_on = [this] {
    make_if_wanted();
    return !stop_;
  };
  for (ClosedFile const& file : list_closed(path_)) {
    if (file.first_id >= current.first_id || finished_.contains(file.first_id)) continue;
    try {
      if (!finish_closed(file, plan_.options(), go_on)) return false;  // it was told to stop
    } catch (StoreError const& error) {
      if (!error.retryable()) finished_.insert(file.first_id);  // as far as it goes
      throw;
    }
    finished_.insert(file.first_id);
    return true;
  }
  return false;
}

}  // namespace logboom::store
