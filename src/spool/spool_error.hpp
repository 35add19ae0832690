// What goes wrong with a spool that is there but cannot be used. Failures of the system are std::system_error.
#pragma once

#include <stdexcept>

namespace logboom::spool {

/// what(): one line with the file, the reason and the mend.
class SpoolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace logboom::spool
