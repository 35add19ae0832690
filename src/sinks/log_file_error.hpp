// What goes wrong with a log file.
#pragma once

#include <string>
#include <system_error>
#include <utility>

namespace logboom::sinks {

/// what(): one line with the file, the reason and the mend.
class LogFileError : public std::system_error {
 public:
  LogFileError(int error, std::string line)
      : std::system_error(error, std::generic_category()), line_(std::move(line)) {}
  char const* what() const noexcept override { return line_.c_str(); }

 private:
  std::string line_;
};

}  // namespace logboom::sinks
