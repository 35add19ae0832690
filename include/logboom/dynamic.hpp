// A record whose parts are known only when the program runs: for bindings and for lines that other programs write. Who writes C++ uses log.hpp.
#pragma once

#include <logboom/export.hpp>
#include <logboom/logger.hpp>
#include <logboom/record.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace logboom {

/// Texts of any bytes. Empty or zero: not known.
struct DynamicRecord {
  Level level = level::kInfo;
  std::string_view level_name;  ///< "" = the level's own
  std::string_view message;     ///< as it is: braces mean nothing in it
  std::string_view file;
  std::string_view function;
  std::uint32_t line = 0;
  std::optional<std::int64_t> time;  ///< nanoseconds since the Unix epoch; none = now
  Fields fields;
  Fields attributes;  ///< docs/protocol.md, "Attributes"
};

/// Logs it as the macros do: into this thread's ring, to be stored exactly once; a scoped Context adds its fields. Allocates. Any thread.
/// A record over 64 KiB: fields and attributes beyond 48 KiB are left out and counted in the field `…`, the message is cut and ends in `…[cut N bytes]`.
/// @return false when the logger's level keeps it out, or there was no memory to make it.
LOGBOOM_API bool log(Logger logger, DynamicRecord const& record) noexcept;

}  // namespace logboom
