// What follows from a sink's options: its names, its format, the mistakes in them. Must not know sinks.
#pragma once

#include "record/formatter.hpp"
#include "sinks/rotation_schedule.hpp"

#include <logboom/sinks.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::sinks {

inline constexpr std::size_t kMaxSinks = 64;
inline constexpr std::size_t kSmallestQueue = 64U << 10U;  // bytes

std::string_view type_name(SinkOptions::Type type) noexcept;
/// The name given, or the usual one: "console", "null", the path, the endpoint.
std::string name_of(SinkOptions const& options);
/// What two sinks may not share, and what makes a sink the same one after a reload: "file /var/log/app.log", "console stdout".
std::string destination_of(SinkOptions const& options);

/// @param terminal whether the text goes to one. @throws std::invalid_argument
Formatter formatter_of(SinkOptions const& options, bool terminal);

/// When the file is rotated by time. @throws std::invalid_argument
std::optional<RotationSchedule> schedule_of(RotateOptions const& rotate);

/// Of a file sink. @throws std::invalid_argument: path, mode or rotation cannot be
void check_file(SinkOptions const& options);
/// @throws std::invalid_argument: one line with the sink's name, what is wrong with it, and the mend
void check_sink(SinkOptions const& options);
/// Why the sink cannot be beside those others: it has the name or the destination of one. "" = it can.
std::string clash_of(std::span<SinkOptions const> others, SinkOptions const& sink);
/// Why its file cannot be beside that store: it is one of the store's own. "" = it can.
std::string clash_with_store(SinkOptions const& sink, std::string const& database);
/// Of a file sink: the file that it would write to now.
std::string present_path(SinkOptions const& options);
/// Each by itself, and that no two have the same name or destination. @throws std::invalid_argument
void check_sinks(std::vector<SinkOptions> const& sinks);

}  // namespace logboom::sinks
