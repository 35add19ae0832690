#include "store/closed_form.hpp"

#include "store/raw_database.hpp"
#include "store/store_error.hpp"

#include <SQLiteCpp/Exception.h>

#include <array>
#include <cstddef>

namespace logboom::store {
namespace {

// The two bytes of SQLite's header that say which versions may write and read the file: 2 is "with a log", 1 "without".
constexpr std::int64_t kVersions = 18;
constexpr std::array kWithoutLog{std::byte{1}, std::byte{1}};

/// So that it can be read where nothing can be made beside it. Two bytes at once: a death leaves either form, and both are right.
void take_log_away(std::string const& path) {
  RawDatabase file(path, true);
  std::array<std::byte, 2> found{};
  file.read(kVersions, found);
  if (found != kWithoutLog) file.write(kVersions, kWithoutLog);
}

}  // namespace

bool finish_closed(ClosedFile const& file, RetentionOptions const&, std::atomic<bool> const&) try {
  if (!file.compressed) take_log_away(file.path);
  return true;
} catch (SQLite::Exception const& cause) {
  throw store_error(file.path, "close", cause);
}

}  // namespace logboom::store
