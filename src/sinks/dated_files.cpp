// Files rotated by time: see dated_files.hpp.
#include "sinks/dated_files.hpp"

#include "sinks/file_names.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace logboom::sinks {

DatedFiles::DatedFiles(PathPattern pattern, std::uint32_t keep) : pattern_(std::move(pattern)), keep_(keep) {}

std::string DatedFiles::Entry::name() const {
  std::string name = base;
  if (number > 0) name.append(".").append(std::to_string(number));
  return name.append(suffix);
}

bool DatedFiles::parse(std::string_view name, Entry& entry) const {
  entry.suffix = {};
  for (auto const suffix : {kTemporarySuffix, kCompressedSuffix}) {
    if (!name.ends_with(suffix)) continue;
    entry.suffix = suffix;
    name.remove_suffix(suffix.size());
    break;
  }
  entry.number = 0;
  auto order = pattern_.match(name);
  if (auto const dot = name.rfind('.'); !order && dot != std::string_view::npos) {
    entry.number = number_of(name.substr(dot + 1));
    name = name.substr(0, dot);
    if (entry.number > 0) order = pattern_.match(name);
  }
  if (!order) return false;
  entry.order = *order;
  entry.base = name;
  return true;
}

std::vector<DatedFiles::Entry> DatedFiles::rotated(std::string const& current) const {
  Entry open;
  bool const named = parse(name_of(current), open);  // by the pattern
  std::vector<Entry> entries;
  for (std::string const& name : names_in(directory_of(current))) {
    Entry entry;
    if (!parse(name, entry)) continue;
    if (named && (entry.order > open.order || (entry.base == open.base && entry.number == 0))) continue;
    entries.push_back(std::move(entry));
  }
  // Where the current file has its name from the start, the one without number is the last that was written.
  auto const place = [&](Entry const& e) {
    auto const number = named && e.number == 0 ? std::numeric_limits<unsigned>::max() : e.number;
    return std::tuple(e.order, std::string_view(e.base), number, e.suffix);
  };
  std::sort(entries.begin(), entries.end(),
            [&](Entry const& a, Entry const& b) { return place(a) < place(b); });
  return entries;
}

std::string DatedFiles::free_name(std::int64_t time, std::string const& current) const {
  auto const path = pattern_.at(time);
  auto const name = name_of(path);
  bool taken = path == current;
  unsigned last = 0;
  for (Entry const& entry : rotated(current)) {
    if (entry.base != name) continue;
    taken = true;
    last = std::max(last, entry.number);
  }
  return taken ? path + '.' + std::to_string(last + 1) : path;
}

void DatedFiles::prune(std::string const& current) const {
  if (keep_ == 0) return;
  auto entries = rotated(current);
  std::erase_if(entries, [](Entry const& entry) { return entry.suffix == kTemporarySuffix; });
  auto const directory = directory_of(current) + '/';
  std::uint32_t kept = 0;
  for (auto i = entries.size(); i > 0; --i) {
    bool const another = i == entries.size() || !entries[i].same_file(entries[i - 1]);
    if (another) ++kept;
    if (kept > keep_) remove_file(directory + entries[i - 1].name());
  }
}

std::vector<std::string> DatedFiles::uncompressed(std::string const& current) const {
  std::vector<std::string> plain;
  for (Entry const& entry : rotated(current)) {
    if (entry.suffix.empty()) plain.push_back(directory_of(current) + '/' + entry.name());
  }
  return plain;
}

std::vector<std::string> DatedFiles::unfinished(std::string const& current) const {
  std::vector<std::string> found;
  for (Entry const& entry : rotated(current)) {
    if (entry.suffix == kTemporarySuffix) found.push_back(directory_of(current) + '/' + entry.name());
  }
  return found;
}

}  // namespace logboom::sinks
