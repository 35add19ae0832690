// The flags that choose records; the same for every command that shows some. Must not know where the records come from.
#pragma once

#include <logboom/filter.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace logboom::cli {

/// Texts as typed; filter() reads them once the line is parsed, so that a mistake is reported like any other.
class FilterOptions {
 public:
  /// -l -n --host --process --pid -g -w --since --until --last
  void add_to(CLI::App& command);

  /// @throws std::invalid_argument naming what cannot be read and the mend.
  Filter filter() const;
  std::optional<std::size_t> last() const noexcept { return last_; }
  bool has_since() const noexcept { return !since_.empty(); }

 private:
  std::string level_;
  Filter filter_;
  std::vector<std::string> fields_;
  std::string since_;
  std::string until_;
  std::optional<std::size_t> last_;
};

}  // namespace logboom::cli
