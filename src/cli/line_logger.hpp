// Lines of text as records: what `send -` and `run` have in common. Must not know where the lines come from.
#pragma once

#include <logboom/dynamic.hpp>
#include <logboom/publisher.hpp>

#include <string>
#include <string_view>

namespace logboom::cli {

/// `table=users` as a field: integers, floating point, true, false and null by their look, anything else as text.
/// @throws std::invalid_argument naming the text and the mend.
std::pair<std::string, Value> parse_assignment(std::string_view text);

/// Logs a line as it is, or, if it is a JSON object and `json` is set, as the structured record it describes (docs/protocol.md, "Plain record");
/// its host and process become fields, since it is this publisher that sends it.
class LineLogger {
 public:
  struct Defaults {
    Level level = level::kInfo;
    std::string logger;
    Fields fields;  // on every record
    bool json = false;
  };

  LineLogger(Publisher& bus, Defaults defaults);

  void log(std::string_view line);

 private:
  bool log_structured(std::string_view line);

  Publisher& bus_;
  Defaults defaults_;
  Logger logger_;
};

}  // namespace logboom::cli
