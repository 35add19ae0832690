#include "store/closed_files.hpp"

#include <logboom/query.hpp>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <optional>
#include <system_error>

namespace logboom::store {
namespace {

constexpr std::string_view kEnd = ".sqlite";
constexpr char const* kTimeForm = "%Y%m%dT%H%M%SZ";
constexpr std::size_t kTimeLength = 16;  // 20261126T091500Z

std::optional<std::int64_t> parse_time(std::string const& text) {
  std::tm tm{};
  char const* const end = ::strptime(text.c_str(), kTimeForm, &tm);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&tm);
}

bool take_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

std::optional<ClosedFile> parse_name(std::filesystem::path const& path) {
  std::string const name = path.filename().string();
  std::string_view rest = name;
  ClosedFile file;
  file.path = path.string();
  file.compressed = take_end(rest, kCompressedEnd);
  if (!take_end(rest, kEnd) || rest.size() < kTimeLength + 2 || rest[kTimeLength] != '-') return std::nullopt;
  auto const begun = parse_time(std::string(rest.substr(0, kTimeLength)));
  std::string_view const id = rest.substr(kTimeLength + 1);
  auto const [stop, wrong] = std::from_chars(id.data(), id.data() + id.size(), file.first_id);
  if (!begun || wrong != std::errc() || stop != id.data() + id.size() || file.first_id < 1)
    return std::nullopt;
  file.begun = *begun;
  return file;
}

}  // namespace

std::string closed_directory(std::string const& path) { return path + ".d"; }

std::string closed_path(std::string const& path, std::int64_t begun, std::int64_t first_id) {
  // Zeros, so that names that begin in the same second sort by id as well.
  return fmt::format("{}/{:%Y%m%dT%H%M%SZ}-{:015}{}", closed_directory(path),
                     fmt::gmtime(static_cast<std::time_t>(begun)), first_id, kEnd);
}

std::vector<ClosedFile> list_closed(std::string const& path) {
  std::vector<ClosedFile> files;
  std::error_code failed;
  std::filesystem::directory_iterator at(closed_directory(path), failed);
  for (std::filesystem::directory_iterator const end; !failed && at != end; at.increment(failed)) {
    if (auto file = parse_name(at->path())) files.push_back(std::move(*file));
  }
  if (failed && failed != std::errc::no_such_file_or_directory)
    throw StoreError(fmt::format("cannot read {}: {}; it holds the store's closed files: make it readable",
                                 closed_directory(path), failed.message()));
  std::sort(files.begin(), files.end(), [](ClosedFile const& a, ClosedFile const& b) {
    return std::pair(a.first_id, a.compressed) < std::pair(b.first_id, b.compressed);
  });
  files.erase(std::unique(files.begin(), files.end(),
                          [](ClosedFile const& a, ClosedFile const& b) { return a.first_id == b.first_id; }),
              files.end());
  return files;
}

void remove_unfinished(std::string const& path) noexcept {
  std::error_code none;
  std::filesystem::directory_iterator at(closed_directory(path), none);
  for (std::filesystem::directory_iterator const end; !none && at != end; at.increment(none)) {
    // Also what SQLite puts beside it.
    if (at->path().native().find(kUnfinishedEnd) != std::string::npos) ::unlink(at->path().c_str());
  }
}

void remove_closed(ClosedFile const& file) noexcept {
  std::string_view plain = file.path;
  take_end(plain, kCompressedEnd);
  remove_database(std::string(plain));
  ::unlink((std::string(plain) + std::string(kCompressedEnd)).c_str());
}

void remove_database(std::string const& file) noexcept {
  for (char const* end : {"", "-wal", "-shm", "-journal"}) ::unlink((file + end).c_str());
}

}  // namespace logboom::store
