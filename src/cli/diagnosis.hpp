// What was looked at, what was found, and what mends it: the lines of `logboom doctor`. Must not know how anything is found out.
#pragma once

#include "cli/described_json.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::cli {

class Diagnosis {
 public:
  /// @param lines shows each finding on stdout as it comes; false: only json() says them
  explicit Diagnosis(bool lines) : lines_(lines) {}

  void ok(std::string_view check, std::string const& found) { add("ok", check, found, ""); }
  /// Works, but not as one would want.
  void warn(std::string_view check, std::string const& found, std::string const& mend) {
    add("warning", check, found, mend);
  }
  /// Because of this records do not arrive, or will not.
  void fail(std::string_view check, std::string const& found, std::string const& mend) {
    add("failed", check, found, mend);
  }

  bool all_ok() const noexcept { return troubles_ == 0; }
  Json json() const;

 private:
  void add(char const* state, std::string_view check, std::string const& found, std::string const& mend);

  bool const lines_;
  std::size_t troubles_ = 0;
  Json findings_ = Json::array();
};

}  // namespace logboom::cli
