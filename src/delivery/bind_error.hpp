// Why an address cannot be served, as one line. Must not know sockets.
#pragma once

#include <string>
#include <system_error>

namespace logboom::delivery {

/// what() is the whole line: system_error's own would put the errno's text after the mend.
class BindError : public std::system_error {
 public:
  BindError(int error, std::string line)
      : std::system_error(error, std::generic_category()), line_(std::move(line)) {}
  char const* what() const noexcept override { return line_.c_str(); }

 private:
  std::string line_;
};

}  // namespace logboom::delivery
