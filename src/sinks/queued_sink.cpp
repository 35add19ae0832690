// The queue and the thread of a sink. Must not know what the destination is.
#include "sinks/queued_sink.hpp"

#include "posix/background_thread.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <exception>
#include <utility>

namespace logboom::sinks {
namespace {

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// In a Python format string a field is seen only where the format names it.
bool shows_field_suppressed(SinkOptions const& options) {
  auto const& format = options.format;
  if (options.style == 0 && (format == "pretty" || format == "json" || format == "csv" || format == "logfmt"))
    return true;
  return format.find("suppressed") != std::string::npos;
}

void add_field(Record& record, char const* name, std::uint64_t number) {
  auto& [key, value] = record.fields.emplace_back();
  key = name;
  value.data() = number;
}

}  // namespace

QueuedSink::QueuedSink(Plan plan, Surroundings surroundings)
    : around_(std::move(surroundings)), max_queued_(plan.options.queue_bytes), selector_(plan.selector) {
  status_.name = plan.options.name;
  status_.type = around_.type;
  plan_ = std::move(plan);
  thread_ = posix::background_thread("logboom-sink", [this] { run(); });
}

QueuedSink::~QueuedSink() { QueuedSink::close(); }

void QueuedSink::take(std::shared_ptr<Block const> const& block) {
  if (block->entries.empty()) return;
  auto const size = block->bytes();
  std::lock_guard const lock(mutex_);
  if (stopping_) return;
  // A block of which nothing is wanted takes no room: a file of errors is not filled up by what is none.
  auto const wanted = selector_->select(*block, taken_);
  if (wanted == 0) {
    status_.filtered += block->entries.size();
    return;
  }
  // One block always fits, however large.
  if (status_.queued_bytes > 0 && status_.queued_bytes + size > max_queued_) {
    status_.dropped += wanted;
    lost_.count += wanted;
    lost_.reason = status_.failing ? status_.last_error : around_.slow;
    return;
  }
  status_.queued_bytes += size;
  status_.queued += wanted;
  queue_.push_back({block, size, wanted, std::exchange(lost_, {})});
  changed_.notify_one();
}

SinkStatus QueuedSink::status() const {
  std::lock_guard const lock(mutex_);
  return status_;
}

void QueuedSink::reopen() {
  std::lock_guard const lock(mutex_);
  reopen_ = true;
  changed_.notify_one();
}

bool QueuedSink::reconfigure(SinkOptions const& options) {
  if (!around_.replan) return false;
  auto plan = around_.replan(options);
  std::lock_guard const lock(mutex_);
  selector_ = plan.selector;
  max_queued_ = options.queue_bytes;
  status_.name = options.name;
  plan_ = std::move(plan);
  changed_.notify_one();
  return true;
}

void QueuedSink::close() {
  std::lock_guard const once(closing_);
  if (!thread_.joinable()) return;
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
    if (writer_) writer_->hurry();
    changed_.notify_one();
  }
  thread_.join();
}

void QueuedSink::run() {
  Lock lock(mutex_);
  for (;;) {
    wait(lock);
    if (plan_ || reopen_) {
      follow_orders(lock);
    } else if (!queue_.empty()) {
      auto const next = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      process(next);
      lock.lock();
      status_.queued_bytes -= next.size;
      status_.queued -= next.records;
    } else if (stopping_) {
      break;
    }
    auto const lost = queue_.empty() ? std::exchange(lost_, {}) : Lost{};
    lock.unlock();
    flush();
    add_lost(lost);
    tick();
    lock.lock();
  }
}

void QueuedSink::wait(Lock& lock) {
  auto const something = [&] { return stopping_ || reopen_ || plan_ || !queue_.empty(); };
  if (!something()) changed_.wait_until(lock, next_tick_, something);
}

/// Not while the destination fails: then it is tried by and by anyway.
void QueuedSink::tick() {
  auto const now = Clock::now();
  if (now < next_tick_) return;
  next_tick_ = now + kTick;
  if (!writer_ || given_up_) return;
  try {
    writer_->tick();
    note_success();
  } catch (std::exception const& error) {
    note_failure(error.what());
  }
}

/// A reload, and files that are to be opened anew. @param lock held before and after
void QueuedSink::follow_orders(Lock& lock) {
  auto plan = std::exchange(plan_, std::nullopt);
  bool const reopen = std::exchange(reopen_, false);
  std::unique_ptr<Writer> old;
  if (plan && (plan->writer || plan->open)) old = std::exchange(writer_, std::move(plan->writer));
  if (writer_ && stopping_) writer_->hurry();
  lock.unlock();
  old.reset();  // before the new one is opened: they may share a file
  if (plan) {
    limiter_ = std::move(plan->limiter);
    formatter_ = std::move(plan->formatter);
    shows_suppressed_ = shows_field_suppressed(plan->options);
    if (plan->open) open_ = std::move(plan->open);
    add_header();
  }
  pause_ = {};
  try {
    if (reopen && writer_) writer_->reopen();
  } catch (std::exception const& error) {
    note_failure(error.what());
  }
  lock.lock();
}

void QueuedSink::add_header() {
  if (!around_.header || !formatter_ || !chunk_.empty()) return;
  auto const header = formatter_->header();
  if (header.empty()) return;
  chunk_.add(header);
  notice_ = true;
}

void QueuedSink::process(Queued const& next) {
  if (given_up_) return abandon(next.records);
  add_lost(next.lost_before);
  std::shared_ptr<Selector const> selector;
  {
    std::lock_guard const lock(mutex_);
    selector = selector_;
  }
  auto const& block = *next.block;
  std::uint64_t filtered = block.entries.size() - selector->select(block, selected_);
  std::uint64_t suppressed = 0;
  Record record;
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    if (!selected_[i]) continue;
    to_record(block, i, record, selector->looks_inside() || (formatter_ && formatter_->shows_fields()));
    if (!selector->matches(record)) {
      ++filtered;
      continue;
    }
    auto const left_out = limiter_->admit(record, limiter_->active() ? Clock::now() : Clock::time_point{});
    if (!left_out) {
      ++suppressed;
      continue;
    }
    if (*left_out > 0) {
      add_field(record, "suppressed", *left_out);
      if (!shows_suppressed_) record.message += fmt::format(" ({} suppressed)", *left_out);
    }
    add(record);
  }
  flush();
  std::lock_guard const lock(mutex_);
  status_.filtered += filtered;
  status_.suppressed += suppressed;
}

void QueuedSink::add(Record const& record) {
  if (formatter_) formatter_->format(record, chunk_.text());
  chunk_.end_record();
  if (chunk_.size() >= kChunkTarget || chunk_.records() >= kChunkTarget) flush();
}

/// Stands where the records are missing, in the form of all others.
void QueuedSink::add_lost(Lost const& lost) {
  if (lost.count == 0) return;
  auto line = fmt::format("{} record{} not written here: {}{}", lost.count, lost.count == 1 ? " was" : "s were",
                          lost.reason, around_.stored ? " (the store has them)" : "");
  if (formatter_) add_line(line, lost.count);
  if (around_.trouble) around_.trouble(Trouble::kDropped, std::move(line));
}

void QueuedSink::add_line(std::string const& line, std::uint64_t count) {
  Record record;
  record.time = wall_clock();
  record.level = level::kWarning;
  record.level_name = level_name(level::kWarning);
  record.logger = "logboom.sink";
  record.message = line;
  add_field(record, "count", count);
  record.host = around_.host;
  record.process = "logboom";
  record.pid = static_cast<std::uint64_t>(::getpid());
  formatter_->format(record, chunk_.text());
  chunk_.end_record();
  notice_ = true;
  flush();
}

/// Returns when the lines are written, however often it takes; or, at the end, when that is of no use.
void QueuedSink::flush() {
  while (!chunk_.empty() && !given_up_) {
    if (try_write() || chunk_.empty()) break;
    if (!pause()) given_up_ = !try_write();
  }
  if (!chunk_.empty()) abandon(notice_ ? 0 : chunk_.records());
  notice_ = false;
}

bool QueuedSink::try_write() {
  auto const before = chunk_.records();
  try {
    if (!writer_) {
      auto made = open_();
      std::lock_guard const lock(mutex_);
      writer_ = std::move(made);
      if (stopping_) writer_->hurry();
    }
    writer_->write(chunk_);
    note_written(before);
    note_success();
    return true;
  } catch (std::exception const& error) {
    note_written(before - chunk_.records());
    note_failure(error.what());
    return false;
  }
}

/// Waits until it is time to try again, or something happened that may be the mend. @return whether to try again
bool QueuedSink::pause() {
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  Lock lock(mutex_);
  bool const ordered = changed_.wait_for(lock, pause_, [&] { return stopping_ || plan_ || reopen_; });
  if (stopping_) return false;
  if (ordered) follow_orders(lock);
  return true;
}

void QueuedSink::note_failure(std::string error) {
  bool began = false;
  {
    std::lock_guard const lock(mutex_);
    began = !std::exchange(status_.failing, true);
    ++status_.failures;
    status_.last_error = error;
    status_.last_error_time = wall_clock();
  }
  if (began && around_.trouble) around_.trouble(Trouble::kFailing, std::move(error));
}

void QueuedSink::note_written(std::size_t records) {
  if (notice_) return;
  std::lock_guard const lock(mutex_);
  status_.written += records;
}

void QueuedSink::note_success() {
  bool mended = false;
  {
    std::lock_guard const lock(mutex_);
    mended = std::exchange(status_.failing, false);
  }
  pause_ = {};
  if (mended && around_.trouble) around_.trouble(Trouble::kMended, "is written again");
}

/// At the end, when the destination takes nothing.
void QueuedSink::abandon(std::uint64_t records) {
  chunk_.clear();
  std::lock_guard const lock(mutex_);
  status_.dropped += records;
}

}  // namespace logboom::sinks
