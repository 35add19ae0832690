#include "spool/inspection.hpp"

#include "record/wire.hpp"
#include "spool/catalogue_file.hpp"
#include "spool/clock_file.hpp"
#include "spool/overflow.hpp"
#include "spool/publisher_file.hpp"
#include "spool/ring_file.hpp"

#include <logboom/detail/ring.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace logboom::spool {

namespace {

namespace fs = std::filesystem;

InspectedFile file_of(fs::path const& path, char const* kind) {
  InspectedFile file;
  file.path = path.string();
  file.kind = kind;
  return file;
}

void note(InspectedFile& file, std::uint64_t offset, std::string what) {
  ++file.damaged;
  if (file.damage.size() < InspectedFile::kMostDamage) file.damage.push_back({offset, std::move(what)});
}

std::string numbers(std::uint64_t first, std::uint64_t end) {
  if (first >= end) return "no record";
  if (first + 1 == end) return "record " + std::to_string(first);
  return "records " + std::to_string(first) + " to " + std::to_string(end - 1);
}

/// Frame by frame; the numbers on either side of damage say what stood there.
class RingInspector {
 public:
  RingInspector(RingFile const& ring, InspectedFile& file) : ring_(ring), file_(file), next_(ring.base()) {}

  void run() {
    std::uint64_t at = ring_.tail();
    while (at < ring_.head()) {
      auto const frame = ring_.read(at);
      if (!frame) {
        at = skip(at);
        continue;
      }
      // Of what its process did not live to seal only the header is checked.
      bool const whole = frame->kind != detail::kKindRecord || wire::whole_record(frame->payload);
      if (!whole) {
        ++file_.lost;
        note(file_, detail::kRingDataOffset + at % ring_.capacity(),
             numbers(frame->sequence, frame->next) + " of stream " + std::to_string(ring_.stream()));
      } else if (frame->kind == detail::kKindRecord) {
        ++file_.records;
      }
      next_ = std::max(next_, frame->next);
      at = frame->end;
    }
    auto const drops = ring_.pending_drops();
    if (drops.count > 0) next_ = std::max(next_, drops.first + drops.count);
    if (ring_.next_sequence() > next_ && file_.damaged == 0)
      note(file_, detail::kRingDataOffset,
           "its last " + numbers(next_, ring_.next_sequence()) + " cannot be found");
    file_.lost += ring_.next_sequence() - std::min(next_, ring_.next_sequence());
  }

 private:
  std::uint64_t skip(std::uint64_t at) {
    auto const to = ring_.next_valid(at);
    auto const after = to < ring_.head() ? ring_.read(to) : std::nullopt;
    auto const end = after ? after->sequence : ring_.next_sequence();
    note(file_, detail::kRingDataOffset + at % ring_.capacity(),
         std::to_string(to - at) + " bytes: " + numbers(next_, end) + " of stream " +
             std::to_string(ring_.stream()));
    if (end > next_) file_.lost += end - next_;
    next_ = std::max(next_, end);
    return to;
  }

  RingFile const& ring_;
  InspectedFile& file_;
  std::uint64_t next_;  // number that comes next
};

InspectedFile inspect_ring(fs::path const& path) {
  auto file = file_of(path, "ring");
  try {
    RingFile const ring = RingFile::look(path);
    RingInspector(ring, file).run();
  } catch (std::exception const& error) {
    note(file, 0, error.what());
  }
  return file;
}

/// All segments: chunks that are whole, and places that are none.
void inspect_overflow(fs::path const& directory, std::optional<Owner> const& owner,
                      std::vector<InspectedFile>& files) {
  std::vector<fs::path> segments;
  for (auto const& entry : fs::directory_iterator(directory))
    if (entry.path().filename().string().starts_with("overflow.")) segments.push_back(entry.path());
  if (segments.empty()) return;
  std::sort(segments.begin(), segments.end());
  auto const first = files.size();
  for (auto const& segment : segments) files.push_back(file_of(segment, "overflow"));
  auto const named = [&](fs::path const& path) -> InspectedFile& {
    auto const found = std::find_if(files.begin() + static_cast<std::ptrdiff_t>(first), files.end(),
                                    [&](InspectedFile const& file) { return file.path == path.string(); });
    return found == files.end() ? files[first] : *found;
  };
  if (!owner) return note(files[first], 0, "whose it is is not known, so that nothing in it can be checked");
  try {
    auto overflow = Overflow::open(directory, overflow_seed(owner->publisher.id), kDefaultOverflow,
                                   Overflow::Access::kLook);
    for (auto const& damage : overflow.damage())
      note(named(damage.file), damage.offset, std::to_string(damage.bytes) + " bytes");
    std::vector<std::byte> bytes;
    for (auto const& chunk : overflow.chunks()) {
      auto const [path, offset] = overflow.place(chunk.number);
      auto& file = named(path);
      auto const held = chunk.end - chunk.first;
      if (overflow.read(chunk.number, bytes)) {
        file.records += held;
        continue;
      }
      file.lost += held;
      note(file, offset, numbers(chunk.first, chunk.end) + " of stream " + std::to_string(chunk.stream));
    }
  } catch (std::exception const& error) {
    note(files[first], 0, error.what());
  }
}

}  // namespace

std::vector<InspectedFile> inspect_spool(fs::path const& directory) {
  std::vector<InspectedFile> files;
  std::optional<Owner> owner;
  auto& publisher = files.emplace_back(file_of(directory / "publisher", "publisher"));
  try {
    owner = read_owner(directory / "publisher");
  } catch (std::exception const& error) {
    note(publisher, 0, error.what());
  }
  auto& catalogue = files.emplace_back(file_of(directory / "catalogue", "catalogue"));
  auto const names = SpooledCatalogue::load(directory / "catalogue");
  if (!names.damage().empty()) note(catalogue, 0, names.damage());
  auto& clock = files.emplace_back(file_of(directory / "clock", "clock"));
  try {
    (void)ClockFile::load(directory / "clock", 0);
  } catch (std::exception const& error) {
    note(clock, 0, error.what());
  }
  std::vector<fs::path> rings;
  for (auto const& entry : fs::directory_iterator(directory))
    if (entry.path().filename().string().starts_with("ring.")) rings.push_back(entry.path());
  std::sort(rings.begin(), rings.end());
  for (auto const& ring : rings) files.push_back(inspect_ring(ring));
  inspect_overflow(directory, owner, files);
  return files;
}

}  // namespace logboom::spool
