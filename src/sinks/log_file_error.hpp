// What goes wrong with a log file, as one line.
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace logboom::sinks {

/// what() is the whole line: system_error's own would put the errno's text after the mend.
class LogFileError : public std::system_error {
 public:
  LogFileError(int error, std::string line)
      : std::system_error(error, std::generic_category()), line_(std::move(line)) {}
  /// "cannot WHAT PATH: REASON; MEND", the mend by the reason. `what` as in "cannot write".
  static LogFileError about(int error, std::string_view what, std::string_view path);

  char const* what() const noexcept override { return line_.c_str(); }

 private:
  std::string line_;
};

}  // namespace logboom::sinks
