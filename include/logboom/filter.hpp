// Which records somebody wants to see; the same everywhere: command lines, subscribers, queries, sinks.
#pragma once

#include <logboom/record.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace logboom {

/// One comparison of a field with a value: `step>=10`, `table=users`, `path~^/tmp`.
struct FieldTest {
  enum class Operator { kEqual, kNotEqual, kMatches, kLess, kLessEqual, kGreater, kGreaterEqual };
  std::string field;
  Operator op = Operator::kEqual;
  /// Compared as a number where both sides are numbers (a field that is text counts as one for < <= > >= if it reads as one), as text otherwise: true and false, null, lists and
  /// maps as JSON. A regular expression (RE2's syntax), searched in the text, for kMatches.
  std::string value;

  friend bool operator==(FieldTest const&, FieldTest const&) = default;
};

/// Bounds: at most 1,000 alternatives in a list and 100 field tests; a regular expression of at most 4,096 bytes.
/// A conjunction: a record passes when it passes every part that is set. Within one list of alternatives any may match.
struct Filter {
  std::optional<Level> level;        ///< at least
  std::vector<std::string> loggers;  ///< alternatives: a prefix of the dotted name ("net" takes "net" and "net.http", not "network"; "" takes all), or a glob for the whole name if it has `*` (any characters, dots too)
  std::vector<std::string> hosts;    ///< alternatives; `*` globs
  std::vector<std::string> processes;  ///< alternatives; `*` globs
  std::vector<std::uint64_t> pids;     ///< alternatives
  std::string regex;  ///< searched in message and exception ; empty: none. RE2's syntax (no back-references, no look-around): linear time and bounded memory on any text
  std::vector<FieldTest> fields;      ///< all must hold; a record without the field passes only kNotEqual
  std::optional<std::int64_t> since;  ///< nanoseconds, inclusive
  std::optional<std::int64_t> until;  ///< nanoseconds, exclusive

  friend bool operator==(Filter const&, Filter const&) = default;
};

/// Reads `table=users`, `step>=10`, `path~^/tmp`, `user!=root`; the first operator in the text ends the field's name.
/// @throws std::invalid_argument naming the text and the mend.
LOGBOOM_API FieldTest parse_field_test(std::string_view text);

/// Reads a point in time: "2026-11-20", "2026-11-20T10:30[:05[.123]][Z|+01:00]" (local time without a zone), "10:30[:05[.123]]" (today), "15m", "2h30m" or "3d" (that long before `now`; units w d h m s ms),
/// "now", or Unix seconds ("1795170605.25"). @param now nanoseconds. @return nanoseconds. @throws std::invalid_argument naming the text and the mend.
LOGBOOM_API std::int64_t parse_time(std::string_view text, std::int64_t now);

/// A filter made ready: globs and expressions compiled. Immutable, so safe to share among threads.
class LOGBOOM_API Matcher {
 public:
  /// @throws std::invalid_argument naming the expression that does not compile and why.
  explicit Matcher(Filter filter);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  bool matches(Record const& record) const;
  Filter const& filter() const noexcept;

  /// A list of at most 64 prefixes, the shortest that will do: with more loggers than that, or one that begins with a glob, only the level is in it.
  /// What SUB sockets subscribe to so that everything this filter takes arrives (and little else): protocol.md, "Live".
  std::vector<std::string> topics() const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled const> compiled_;
};

}  // namespace logboom
