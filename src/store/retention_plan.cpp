#include "store/retention_plan.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace logboom::store {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kMinFileSize = 256U << 10U;
constexpr std::uint64_t kMinMaxSize = 4U << 20U;
constexpr std::uint64_t kMaxFileSize = 1U << 30U;  // unless asked for
constexpr seconds kDay{86'400};

std::uint64_t size_of_file(RetentionOptions const& options) {
  if (options.file_size > 0) return options.file_size;
  return options.max_size > 0 ? std::clamp(options.max_size / 16, kMinFileSize, kMaxFileSize) : 0;
}

seconds period_of_file(RetentionOptions const& options) {
  if (options.file_period > seconds{0}) return options.file_period;
  if (options.keep >= 2 * kDay) return kDay;
  return options.keep > seconds{0} ? std::max(options.keep / 8, seconds{1}) : seconds{0};
}

}  // namespace

std::vector<RetentionMistake> retention_mistakes(RetentionOptions const& options, std::string_view database) {
  std::vector<RetentionMistake> mistakes;
  auto const note = [&](char const* option, std::string text) {
    mistakes.push_back({option, std::move(text)});
  };
  if (database.empty() && options.many_files())
    note("path", "there is no store that retention could be of; name its file, or leave retention out");
  if (options.keep < seconds{0}) note("keep", "keep: a span of time; give none below 0");
  if (options.file_period < seconds{0}) note("file_period", "file_period: a span of time; give none below 0");
  if (options.max_size > 0 && options.max_size < kMinMaxSize)
    note("max_size", fmt::format("max_size {}: too little for a store; give 4 MiB or more", options.max_size));
  if (options.file_size > 0 && options.file_size < kMinFileSize)
    note("file_size",
         fmt::format("file_size {}: too little for a file; give 256 KiB or more", options.file_size));
  else if (options.max_size > 0 && options.file_size > options.max_size / 2)
    note("file_size",
         fmt::format("file_size {}: whole files are removed, so that it has to be well below max_size, {}; "
                     "give half of it or less",
                     options.file_size, options.max_size));
  if (options.keep > seconds{0} && options.file_period > options.keep)
    note("file_period",
         fmt::format("file_period {} s: whole files are removed, so that it has to be below keep, {} s; "
                     "give less",
                     options.file_period.count(), options.keep.count()));
  return mistakes;
}

void check_retention(RetentionOptions const& options) {
  auto const mistakes = retention_mistakes(options, "any");
  if (!mistakes.empty()) throw std::invalid_argument("retention: " + mistakes.front().text);
}

RetentionPlan::RetentionPlan(RetentionOptions const& options)
    : options_(options), file_size_(size_of_file(options)), file_period_(period_of_file(options).count()) {
  check_retention(options);
}

bool RetentionPlan::full(std::int64_t begun, std::int64_t grown, std::int64_t now) const noexcept {
  if (file_size_ > 0 && grown >= 0 && static_cast<std::uint64_t>(grown) >= file_size_) return true;
  return file_period_ > 0 && now / file_period_ > begun / file_period_;
}

std::size_t RetentionPlan::to_remove(std::span<File const> closed, std::uint64_t others,
                                     std::int64_t now) const noexcept {
  std::uint64_t total = others;
  for (File const& file : closed) total += file.bytes;
  std::size_t count = 0;
  for (File const& file : closed) {
    bool const old = options_.keep > seconds{0} && file.ended < now - options_.keep.count();
    bool const much = options_.max_size > 0 && total > options_.max_size;
    // A burst can make one file larger than all together may be; it stays until another is closed.
    bool const newest = count + 1 == closed.size();
    if (!old && (!much || newest)) break;
    total -= file.bytes;
    ++count;
  }
  return count;
}

}  // namespace logboom::store
