// Lines to a log file that is rotated. Must not know records.
#include "sinks/file.hpp"

#include "sinks/sink_options.hpp"

#include <chrono>
#include <utility>

namespace logboom::sinks {
namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

LogFile::Options log_file_options(SinkOptions const& options, std::string header) {
  LogFile::Options made;
  made.path = options.path;
  if (options.mode) made.mode = static_cast<mode_t>(*options.mode);
  made.max_size = options.rotate.size;
  made.schedule = schedule_of(options.rotate);
  made.utc = options.rotate.utc;
  made.keep = static_cast<std::uint32_t>(options.rotate.keep);
  made.compress = !options.rotate.compress.empty();
  made.header = std::move(header);
  return made;
}

FileWriter::FileWriter(SinkOptions const& options, std::string header)
    : file_(log_file_options(options, std::move(header))) {
  file_.open(now());
}

void FileWriter::write(LogChunk& chunk) { file_.append(chunk, now()); }

void FileWriter::tick() { file_.tick(now()); }

void FileWriter::reopen() { file_.reopen(now()); }

}  // namespace logboom::sinks
