// Lines to a log file that is rotated. Must not know records.
#pragma once

#include "sinks/log_file.hpp"
#include "sinks/writer.hpp"

#include <logboom/sinks.hpp>

#include <string>

namespace logboom::sinks {

/// What a file sink writes to. @throws std::invalid_argument for a time of rotation that is none
LogFile::Options log_file_options(SinkOptions const& options, std::string header = {});

class FileWriter final : public Writer {
 public:
  /// Opens the file. @param header what each new file begins with. @throws std::invalid_argument, LogFileError
  FileWriter(SinkOptions const& options, std::string header);

  void write(LogChunk& chunk) override;
  void tick() override;
  void reopen() override;

 private:
  LogFile file_;
};

}  // namespace logboom::sinks
