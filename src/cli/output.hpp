// How a command shows records: the flags for it, and stdout. Must not know which records.
#pragma once

#include "record/formatter.hpp"

#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace logboom::cli {

/// stdout went away (`| head`): not a failure, but nothing is left to do.
struct OutputClosed {};

class OutputOptions {
 public:
  /// -o --color --utc
  void add_to(CLI::App& command);

 private:
  friend class Output;
  std::string format_ = "pretty";
  std::string color_ = "auto";
  bool utc_ = false;
};

/// Formats records into a buffer and writes it to stdout when told, or when it has grown past 64 KiB.
class Output {
 public:
  /// @throws std::invalid_argument for a format that cannot be.
  explicit Output(OutputOptions const& options);

  /// @throws OutputClosed; Failure when stdout cannot be written for another reason (disk full).
  void show(Record const& record);
  void flush();

 private:
  Formatter formatter_;
  std::string buffer_;
};

}  // namespace logboom::cli
