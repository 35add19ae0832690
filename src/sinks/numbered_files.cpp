// Files rotated by size: see numbered_files.hpp.
#include "sinks/numbered_files.hpp"

#include "sinks/file_names.hpp"

#include <algorithm>
#include <utility>

namespace logboom::sinks {

NumberedFiles::NumberedFiles(std::string path, std::uint32_t keep) : path_(std::move(path)), keep_(keep) {}

std::string NumberedFiles::name(std::uint32_t number) const { return path_ + '.' + std::to_string(number); }

bool NumberedFiles::taken(std::uint32_t number) const {
  return exists(name(number)) || exists(name(number).append(kCompressedSuffix));
}

std::uint32_t NumberedFiles::first_gap() const {
  std::uint32_t number = 1;
  while (number != keep_ && taken(number)) ++number;
  return number;
}

std::string NumberedFiles::make_room() const {
  auto gap = first_gap();
  // Where both forms are, a compression did not come to its end: the plain one is what counts.
  if (gap == keep_) {
    remove_file(name(gap).append(kCompressedSuffix));
    remove_file(name(gap));
  }
  for (; gap > 1; --gap) {
    auto const from = name(gap - 1);
    auto const to = name(gap);
    if (exists(from)) {
      remove_file(from + std::string(kCompressedSuffix));
      move_to_free_name(from, to);
    } else {
      move_to_free_name(from + std::string(kCompressedSuffix), to + std::string(kCompressedSuffix));
    }
  }
  return name(1);
}

std::vector<std::string> NumberedFiles::uncompressed() const {
  // One gap is what an interrupted rotation leaves; two in a row are the end.
  std::vector<std::string> plain;
  for (std::uint32_t n = 1; (keep_ == 0 || n <= keep_) && (taken(n) || taken(n + 1)); ++n) {
    if (exists(name(n))) plain.insert(plain.begin(), name(n));
  }
  return plain;
}

std::vector<std::string> NumberedFiles::unfinished() const {
  std::vector<std::string> found;
  auto const prefix = std::string(name_of(path_)) + '.';
  auto const directory = directory_of(path_) + '/';
  for (std::string const& entry : names_in(directory)) {
    if (!entry.starts_with(prefix) || !entry.ends_with(kTemporarySuffix)) continue;
    auto const digits = std::string_view(entry).substr(prefix.size());
    if (number_of(digits.substr(0, digits.size() - std::min(digits.size(), kTemporarySuffix.size()))) > 0) {
      found.push_back(directory + entry);
    }
  }
  return found;
}

}  // namespace logboom::sinks
