// The few steps on names in a directory that rotation consists of, each of them atomic, with their failures named. Must not know what the names mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace logboom::sinks {

inline constexpr std::string_view kCompressedSuffix = ".zst";
inline constexpr std::string_view kTemporarySuffix =
    ".zst.tmp";  // one that is being made, or that nobody makes any more

/// Whether the name is taken, by whatever.
bool exists(std::string const& path);
/// Never replaces a file. @throws LogFileError
void move_to_free_name(std::string const& from, std::string const& to);
/// It may be gone already. @throws LogFileError
void remove_file(std::string const& path);
/// Without "." and "..", in no order. @throws LogFileError
std::vector<std::string> names_in(std::string const& directory);
/// "." if it names none. Without the slash, but for the root.
std::string directory_of(std::string_view path);
std::string_view name_of(std::string_view path);
/// Its decimal number of at most nine digits without a leading zero; 0: it is none.
unsigned number_of(std::string_view digits);

}  // namespace logboom::sinks
