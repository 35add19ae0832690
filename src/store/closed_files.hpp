// The closed files of a store: their directory and names. Must not know what is in them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::store {

/// A file `TIME-ID.sqlite` or `TIME-ID.sqlite.zst`: TIME is when it was begun (UTC), ID the first id in it.
struct ClosedFile {
  std::string path;
  std::int64_t first_id = 0;
  std::int64_t begun = 0;  // seconds since the epoch
  bool compressed = false;
};

inline constexpr std::string_view kCompressedEnd = ".zst";
inline constexpr std::string_view kUnfinishedEnd = ".part";  // being written; of no meaning without its writer

/// `PATH.d`; `path` is the store's.
std::string closed_directory(std::string const& path);

/// The name that the file gets when it is closed. @param begun seconds since the epoch
std::string closed_path(std::string const& path, std::int64_t begun, std::int64_t first_id);

/// By id, ascending; of a file that is there in both forms the one that is not compressed. Files of other names are passed over. No directory: none.
/// @throws StoreError when the directory is there and cannot be read.
std::vector<ClosedFile> list_closed(std::string const& path);

/// Removes what a writer that died was making (`*.part`). While none is at work.
void remove_unfinished(std::string const& path) noexcept;

/// Removes it in both forms.
void remove_closed(ClosedFile const& file) noexcept;

/// Removes the file, and what SQLite may have left beside it. Missing ones are none of its business.
void remove_database(std::string const& file) noexcept;

}  // namespace logboom::store
