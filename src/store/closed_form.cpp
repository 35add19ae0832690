#include "store/closed_form.hpp"

#include "posix/fault_point.hpp"
#include "store/output_file.hpp"
#include "store/raw_database.hpp"
#include "store/seekable_zstd.hpp"
#include "store/store_error.hpp"
#include "store/sync_directory.hpp"
#include "store/text_index.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

namespace logboom::store {
namespace {

/// So that it can be read where nothing can be made beside it. Two bytes at once: a death leaves either form, and both are right.
void take_log_away(std::string const& path) {
  RawDatabase file(path, true);
  std::array<std::byte, 2> found{};
  file.read(kVersionsAt, found);
  if (found != kVersionsWithoutLog) file.write(kVersionsAt, kVersionsWithoutLog);
}

/// Gives all bytes of the file to `take`, a frame of content at a time. @return false: it was told to stop.
bool read_through(std::string const& path, GoOn const& go_on,
                  std::function<void(std::span<std::byte const>)> const& take) {
  RawDatabase const from(path, false);
  std::vector<std::byte> part(kFrameBytes);
  std::int64_t const size = from.size();
  for (std::int64_t at = 0; at < size; at += static_cast<std::int64_t>(part.size())) {
    if (!go_on()) return false;
    auto const wanted =
        std::span(part).first(std::min<std::size_t>(part.size(), static_cast<std::size_t>(size - at)));
    from.read(at, wanted);
    take(wanted);
  }
  return true;
}

/// What is made of a file is for no more eyes than that.
mode_t mode_of(std::string const& path) {
  return static_cast<mode_t>(std::filesystem::status(path).permissions() & std::filesystem::perms::mask);
}

void put_in_place(std::string const& made, std::string const& path) {
  std::filesystem::rename(made, path);
  sync_directory(std::filesystem::path(path).parent_path().string());
}

bool is_indexed(std::string const& path) {
  SQLite::Database db(path, SQLite::OPEN_READONLY);
  return has_text_index(db);
}

/// Of a copy, which takes the file's place when it is whole: whoever reads the file goes on with what it has open.
bool add_index(std::string const& path, GoOn const& go_on) {
  std::string const copy = path + std::string(kUnfinishedEnd);
  remove_database(copy);
  {
    OutputFile to(copy, mode_of(path));
    if (!read_through(path, go_on, [&](auto part) { to.write(part); })) return false;
  }
  {
    SQLite::Database db(copy, SQLite::OPEN_READWRITE);
    sqlite3_progress_handler(
        db.getHandle(), 100'000, [](void* asked) { return (*static_cast<GoOn const*>(asked))() ? 0 : 1; },
        const_cast<GoOn*>(&go_on));
    build_text_index(db);
  }
  RawDatabase(copy, true).sync();
  put_in_place(copy, path);
  return true;
}

bool compress(std::string const& path, GoOn const& go_on) {
  std::string const compressed = path + std::string(kCompressedEnd);
  std::string const part = compressed + std::string(kUnfinishedEnd);
  remove_database(part);
  {
    SeekableWriter to(part, mode_of(path));
    if (!read_through(path, go_on, [&](auto content) { to.add(content); })) return false;
    to.finish();
  }
  fault_point("closed.compressed");
  put_in_place(part, compressed);
  fault_point("closed.replaced");
  remove_database(path);
  return true;
}

bool bring_to_form(std::string const& path, RetentionOptions const& options, GoOn const& go_on) {
  take_log_away(path);
  if (options.full_text && !is_indexed(path) && !add_index(path, go_on)) return false;
  return !options.compress || compress(path, go_on);
}

}  // namespace

bool finish_closed(ClosedFile const& file, RetentionOptions const& options, GoOn const& go_on) {
  if (file.compressed) return true;
  StoreError::Kind kind = StoreError::Kind::kTransient;
  std::string why;
  try {
    if (bring_to_form(file.path, options, go_on)) return true;
  } catch (SQLite::Exception const& cause) {
    auto const error = store_error(file.path, "rewrite", cause);
    why = error.what();
    kind = error.kind();
  } catch (StoreError const& error) {
    why = error.what();
    kind = error.kind();
  } catch (std::system_error const& error) {
    why = error.what();
  }
  remove_database(file.path + std::string(kUnfinishedEnd));
  remove_database(file.path + std::string(kCompressedEnd) + std::string(kUnfinishedEnd));
  if (!go_on()) return false;
  throw StoreError(fmt::format("{} stays as it is: {}", file.path, why), kind);
}

}  // namespace logboom::store
