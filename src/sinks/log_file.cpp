// When the log file is rotated, and what becomes of the files then: see log_file.hpp.
#include "sinks/log_file.hpp"

#include "sinks/file_names.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace logboom::sinks {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kPause = 60 * kSecond;

std::int64_t seconds_of(std::int64_t now) { return now / kSecond - (now % kSecond < 0 ? 1 : 0); }

bool in_utc(LogFile::Options const& options) {
  return options.schedule ? options.schedule->utc() : options.utc;
}

LogFile::Options checked(LogFile::Options options) {
  PathPattern const pattern(options.path, false);
  if (pattern.moves() && (options.keep > 0 || options.compress)) {
    throw std::invalid_argument(fmt::format(
        "{}: `keep` and `compress` see one directory alone; put the conversions into the file's name",
        options.path));
  }
  if (!pattern.fixed() && options.keep > 0 && !pattern.ordered()) {
    throw std::invalid_argument(fmt::format(
        "{}: these names do not tell which file is the oldest, so that `keep` cannot be; name the year "
        "and all that is above the smallest part, as in %Y%m%d",
        options.path));
  }
  if (options.compression_level < 1 || options.compression_level > 19) {
    throw std::invalid_argument(
        fmt::format("there is no compression level {}; use 1 to 19", options.compression_level));
  }
  // The program may change its directory.
  options.path = std::filesystem::absolute(options.path).string();
  return options;
}

std::variant<NumberedFiles, DatedFiles> rotated_files(LogFile::Options const& options,
                                                      PathPattern const& pattern) {
  if (!pattern.fixed()) return DatedFiles(pattern, options.keep);
  auto const path = pattern.at(0);
  if (!options.schedule) return NumberedFiles(path, options.keep);
  return DatedFiles(PathPattern(fmt::format("{}.{}", PathPattern::literal(path), options.schedule->suffix()),
                                in_utc(options)),
                    options.keep);
}

}  // namespace

LogFile::LogFile(Options options)
    : options_(checked(std::move(options))),
      pattern_(options_.path, in_utc(options_)),
      rotated_(rotated_files(options_, pattern_)) {
  if (options_.compress) compressor_.emplace(options_.compression_level);
}

void LogFile::open(std::int64_t now) {
  if (!file_) open_file(seconds_of(now));
}

void LogFile::append(LogChunk& chunk, std::int64_t now) {
  auto const time = seconds_of(now);
  while (!chunk.empty()) {
    make_ready(time);
    if (auto const count = fitting(chunk); count > 0) {
      file_->append(chunk, count);
    } else {
      rotate_by_size();
    }
  }
  tidy(now);
}

void LogFile::tick(std::int64_t now) {
  // Opened again when there is something to append: whoever moved it may not want an empty one.
  if (file_ && file_->moved()) file_.reset();
  tidy(now);
  if (auto const trouble = std::exchange(trouble_, std::nullopt)) throw LogFileError(*trouble);
}

void LogFile::reopen(std::int64_t now) {
  file_.reset();
  open_file(seconds_of(now));
}

/// Of a fixed path the path; else the name of `time`'s period.
std::string LogFile::path_at(std::int64_t time) {
  if (pattern_.fixed()) return pattern_.at(0);
  if (!options_.schedule) {
    named_ = time;
  } else if (rollover_ == kUnknown || time >= rollover_) {
    rollover_ = options_.schedule->next(time);
    named_ = options_.schedule->calendar() ? options_.schedule->start_of(options_.schedule->next(time)) : time;
  }
  return pattern_.at(named_);
}

void LogFile::open_file(std::int64_t time) {
  auto path = path_at(time);
  file_.emplace(path, options_.mode);
  if (path != current_) untidy_ = true;
  current_ = std::move(path);
  if (pattern_.fixed() && options_.schedule && rollover_ == kUnknown) {
    rollover_ = options_.schedule->next(file_->size() > 0 ? file_->modified() : time);
  }
}

/// After this the file is open, and the one to append to by the time.
void LogFile::make_ready(std::int64_t time) {
  if (file_ && file_->moved()) file_.reset();
  if (!file_) open_file(time);
  file_->refresh();
  rotate_by_time(time);
}

void LogFile::rotate_by_time(std::int64_t time) {
  if (pattern_.fixed()) {
    if (!options_.schedule || time < rollover_) return;
    if (file_->regular() && file_->size() > 0) {
      auto const start = options_.schedule->start_of(rollover_);
      move_to(std::get<DatedFiles>(rotated_).free_name(start, current_));
    }
    rollover_ = options_.schedule->next(time);
  } else {
    if (options_.schedule ? time < rollover_ : time == named_) return;
    if (path_at(time) == current_) return;
    file_.reset();
    ++rotations_;
  }
  if (!file_) open_file(time);
}

void LogFile::rotate_by_size() {
  if (auto const* const numbered = std::get_if<NumberedFiles>(&rotated_)) {
    move_to(numbered->make_room());
  } else {
    auto const start = pattern_.fixed() ? options_.schedule->start_of(rollover_) : named_;
    move_to(std::get<DatedFiles>(rotated_).free_name(start, current_));
  }
}

/// The current file gets this name. There is none then: what is next is opened anew.
void LogFile::move_to(std::string const& name) {
  move_to_free_name(current_, name);
  file_.reset();
  untidy_ = true;
  ++rotations_;
}

/// How many records the file takes; 0: it is to be rotated.
std::size_t LogFile::fitting(LogChunk const& chunk) const {
  if (options_.max_size == 0 || !file_->regular()) return chunk.records();
  std::size_t count = 0;
  while (count < chunk.records() && file_->size() + chunk.end_of(count) < options_.max_size) ++count;
  return count == 0 && file_->size() == 0 ? 1 : count;
}

std::vector<std::string> LogFile::uncompressed() const {
  if (auto const* const numbered = std::get_if<NumberedFiles>(&rotated_)) return numbered->uncompressed();
  return std::get<DatedFiles>(rotated_).uncompressed(current_);
}

/// What goes wrong here must not keep records from being written: tick() tells it.
void LogFile::tidy(std::int64_t now) {
  bool const done = compressor_ && compressor_->done();
  if (current_.empty() || (!untidy_ && !done)) return;
  // A clock that was set back does not prolong it.
  if (now < pause_ && now >= pause_ - kPause) return;
  pause_ = 0;
  untidy_ = false;
  bool all_well = true;
  // One that goes wrong does not keep the others from being done.
  auto const attempt = [&](void (LogFile::*step)()) {
    try {
      (this->*step)();
    } catch (LogFileError const& error) {
      trouble_ = error;
      all_well = false;
    } catch (std::system_error const& error) {
      trouble_ = LogFileError::about(error.code().value(), "tidy up behind", current_);
      all_well = false;
    }
  };
  if (std::exchange(fresh_, false) && compressor_) attempt(&LogFile::remove_unfinished);
  attempt(&LogFile::prune);
  if (done) attempt(&LogFile::end_compression);
  if (compressor_ && !compressor_->busy()) attempt(&LogFile::begin_compression);
  if (all_well) return;
  untidy_ = true;
  pause_ = now + kPause;
}

void LogFile::prune() {
  if (auto const* const dated = std::get_if<DatedFiles>(&rotated_)) dated->prune(current_);
}

void LogFile::remove_unfinished() {
  auto const* const numbered = std::get_if<NumberedFiles>(&rotated_);
  auto const left =
      numbered != nullptr ? numbered->unfinished() : std::get<DatedFiles>(rotated_).unfinished(current_);
  for (std::string const& path : left) remove_file(path);
}

void LogFile::end_compression() {
  auto const result = compressor_->take();
  untidy_ = true;
  if (result->temporary.empty()) {
    uncompressible_ = result->source;
    throw LogFileError::about(result->error == 0 ? ENOMEM : result->error, "compress", result->source);
  }
  for (std::string const& path : uncompressed()) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || status.st_dev != result->device || status.st_ino != result->inode)
      continue;
    // Somebody may have gone on writing to it. It is compressed again then.
    if (status.st_size != result->size) break;
    // What has the compressed one's name is what an interrupted compression left.
    auto const compressed = path + std::string(kCompressedSuffix);
    if (::rename(result->temporary.c_str(), compressed.c_str()) != 0)
      throw LogFileError::about(errno, "rename " + result->temporary + " to", compressed);
    remove_file(path);
    return;
  }
  // It was unlinked, being more than `keep`.
  remove_file(result->temporary);
}

void LogFile::begin_compression() {
  auto const files = uncompressed();
  auto next =
      std::find_if(files.begin(), files.end(), [&](std::string const& f) { return f != uncompressible_; });
  if (next == files.end()) next = files.begin();
  if (next == files.end()) return;
  uncompressible_ = *next;
  compressor_->start(*next, *next + std::string(kTemporarySuffix));
  uncompressible_.clear();
}

}  // namespace logboom::sinks
