// Recovery of a ring from arbitrary bytes: whatever stands in the file, what is read lies within it, in order, and the numbers add up.
// The input is a small program of patches to a sound ring, so that it gets past the checks; with first byte 0xff it is the file itself.
#include "spool/ring_file.hpp"
#include "spool/ring_recovery.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace logboom;
using namespace logboom::spool;

constexpr std::uint64_t kCapacity = 65'536;
constexpr std::uint64_t kSeed = 0x0123'4567'89ab'cdefU;

void require(bool holds, char const* what) {
  if (holds) return;
  (void)std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

struct Image {
  alignas(128) detail::RingShared shared;
  std::vector<std::byte> data = std::vector<std::byte>(kCapacity + detail::kRingSlack);
};

class Program {
 public:
  explicit Program(std::span<std::uint8_t const> code) : code_(code) {}

  bool done() const { return code_.empty(); }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (; bytes > 0 && !code_.empty(); --bytes, code_ = code_.subspan(1))
      value = value << 8U | code_.front();
    return value;
  }

 private:
  std::span<std::uint8_t const> code_;
};

void put_frame(Image& image, std::uint64_t position, std::uint32_t size, std::uint64_t sequence) {
  detail::FrameHeader const header{size, detail::header_check(kSeed, position, sequence, size), sequence};
  std::memcpy(image.data.data() + (position & (kCapacity - 1)), &header, sizeof header);
}

// A ring on its second lap: records 101 … 300, as its process would have left it.
std::uint64_t make_sound(Image& image) {
  detail::RingProducer ring{image.data.data(), kCapacity - 1, kCapacity - 5000, 0, 101, kSeed, &image.shared};
  image.shared.consumer.tail.store_relaxed(ring.head);
  image.shared.consumer.tail_not.store_relaxed(~ring.head);
  image.shared.consumer.base.store_relaxed(101);
  image.shared.consumer.base_not.store_relaxed(~std::uint64_t{101});
  image.shared.producer.head.store_relaxed(ring.head);
  for (int i = 0; i < 200; ++i) {
    std::size_t const size = 20 + static_cast<std::size_t>(i) % 90;
    auto const place = detail::look_and_reserve(ring, size);
    std::memset(place.payload, i, size);
    detail::commit(ring, size);
  }
  return image.shared.consumer.tail.load_relaxed();
}

void patch(Image& image, Program& program, std::uint64_t tail) {
  auto* const words = reinterpret_cast<detail::Atomic<std::uint64_t>*>(&image.shared);
  while (!program.done()) {
    switch (program.number(1) % 6) {
      case 0:
        image.data[program.number(3) % image.data.size()] = static_cast<std::byte>(program.number(1));
        break;
      case 1: {
        std::size_t const at = program.number(1) % (sizeof(detail::RingShared) / 8);
        words[at].store_relaxed(program.number(8));
        break;
      }
      case 2: {
        std::size_t const at = program.number(1) % (sizeof(detail::RingShared) / 8);
        words[at].fetch_add_relaxed(static_cast<std::uint64_t>(static_cast<std::int16_t>(program.number(2))));
        break;
      }
      case 3: {  // a frame with a sound header, anywhere
        std::uint64_t const position = tail + (program.number(2) * 8) % kCapacity;
        auto const size = static_cast<std::uint32_t>(program.number(3)) |
                          (program.number(1) % 2 != 0 ? detail::kKindGap : 0U);
        put_frame(image, position, size, 101 + program.number(2));
        break;
      }
      case 4: {  // a sound gap with any count
        std::uint64_t const position = tail + (program.number(2) * 8) % kCapacity;
        put_frame(image, position, 32U | detail::kKindGap, 101 + program.number(1));
        detail::GapPayload const gap{0, program.number(8)};
        std::memcpy(image.data.data() + (position & (kCapacity - 1)) + sizeof(detail::FrameHeader), &gap,
                    sizeof gap);
        break;
      }
      default: {  // the same bytes over a stretch: headers at every word
        std::size_t const at = (program.number(2) * 8) % kCapacity;
        std::size_t const length = program.number(2);
        std::uint64_t const word = program.number(4);
        for (std::size_t i = at; i + 8 <= std::min(at + length, image.data.size()); i += 8)
          std::memcpy(image.data.data() + i, &word, sizeof word);
      }
    }
  }
}

void judge(Image const& image, bool trust) {
  RingView const view{image.data.data(), kCapacity - 1, kSeed, trust};
  RecoveredRing const ring = recover_ring(view, image.shared);
  require(ring.tail <= ring.head && ring.head - ring.tail <= kCapacity,
          "the ring is no longer than its capacity");
  require(ring.damage.size() <= kMaxExtents, "damage is bounded");
  std::uint64_t position = ring.tail, expected = ring.base;
  std::size_t extent = 0;
  while (position < ring.head) {
    if (extent < ring.damage.size() && ring.damage[extent].from == position) {
      require(ring.damage[extent].to > position && ring.damage[extent].to <= ring.head,
              "damage lies within the ring");
      position = ring.damage[extent++].to;
      continue;
    }
    auto const frame = view.at(position, ring.tail + kCapacity);
    require(frame.has_value(), "what is not damage is a frame");
    require(frame->sequence >= expected && frame->next > frame->sequence, "numbers ascend");
    require(frame->payload.data() >= image.data.data() &&
                frame->payload.data() + frame->payload.size() <= image.data.data() + image.data.size(),
            "a payload lies within the file");
    expected = frame->next;
    position = frame->end;
  }
  require(ring.next >= expected, "the next number comes after the last");
  require(ring.drop_count == 0 || ring.drop_first + ring.drop_count == ring.next,
          "pending drops end at the next number");
}

void open_as_file(std::span<std::uint8_t const> bytes) {
  static std::filesystem::path const path =
      std::filesystem::temp_directory_path() / ("logboom-ring-fuzz-" + std::to_string(::getpid()));
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  require(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
          "the input can be written");
  ::close(file);
  try {
    RingFile const ring = RingFile::open(path);
    for (std::uint64_t position = ring.tail(); position < ring.head();) {
      auto const frame = ring.read(position);
      position = frame ? frame->end : ring.next_valid(position);
    }
  } catch (SpoolError const&) {
  }
  ::unlink(path.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size > 0 && data[0] == 0xff) {
    open_as_file({data + 1, size - 1});
    return 0;
  }
  auto const image = std::make_unique<Image>();
  std::uint64_t const tail = make_sound(*image);
  Program program({data, size});
  bool const trust = program.number(1) % 2 == 0;
  patch(*image, program, tail);
  judge(*image, trust);
  return 0;
}
