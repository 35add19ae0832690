// What a frame costs in the log call, by the check it carries, and what the sender pays for sealing and reading (docs/spool.md, "Check").
// The frames are written as a log call writes them: tagged big-endian words at odd places.
#include "record/check.hpp"
#include "spool/ring_file.hpp"

#include <benchmark/benchmark.h>
#include <unistd.h>
#include <logboom/detail/clock.hpp>
#include <logboom/detail/ring.hpp>

#include <cstring>
#include <filesystem>
#include <string>

namespace {

using namespace logboom;
using detail::RingProducer;
using spool::RingFile;

RingFile make_ring() {
  auto const path =
      std::filesystem::temp_directory_path() / ("logboom-ring-bench-" + std::to_string(::getpid()));
  std::filesystem::remove(path);
  RingFile ring = RingFile::create(path, 0, spool::kDefaultRing);
  std::filesystem::remove(path);  // the mapping keeps it
  return ring;
}

std::byte* put(std::byte* at, unsigned char tag, std::uint64_t value) {
  *at = static_cast<std::byte>(tag);
  value = __builtin_bswap64(value);
  std::memcpy(at + 1, &value, sizeof value);
  return at + 9;
}

std::size_t encode(std::byte* start, std::int64_t x, double y) {
  std::byte* at = start;
  *at++ = std::byte{0x94};
  at = put(at, 0xd3, static_cast<std::uint64_t>(detail::ticks()));
  at = put(at, 0xd3, 17);  // as wide as site and logger together
  *at++ = std::byte{0x92};
  at = put(at, 0xd3, static_cast<std::uint64_t>(x));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &y, sizeof bits);
  at = put(at, 0xcb, bits);
  return static_cast<std::size_t>(at - start);
}

constexpr std::size_t kRoom = 38;

enum class Check { kNone, kHeader, kWhole };

template <Check check>
void BM_Frame(benchmark::State& state) {
  RingFile ring = make_ring();
  RingProducer producer = ring.producer();
  std::int64_t x = 0;
  for (auto _ : state) {
    std::byte* at = detail::reserve(producer, kRoom);
    if (at == nullptr) {
      ring.release(producer.head, producer.sequence);
      at = detail::look_and_reserve(producer, kRoom).payload;
    }
    std::size_t const size = encode(at, ++x, 0.5);
    if constexpr (check == Check::kNone) {
      detail::FrameHeader const header{static_cast<std::uint32_t>(size + sizeof header), 0, producer.sequence};
      std::memcpy(at - sizeof header, &header, sizeof header);
      producer.head += detail::frame_bytes(size);
      ++producer.sequence;
      producer.shared->producer.next.store_release(producer.sequence);
      producer.shared->producer.head.store_release(producer.head);
    } else {
      if constexpr (check == Check::kWhole) {
        std::uint32_t const sum = check_bytes(producer.seed ^ producer.head, {at, size});
        std::memcpy(at - 12, &sum, sizeof sum);
      }
      detail::commit(producer, size);
    }
  }
}
BENCHMARK(BM_Frame<Check::kNone>);
BENCHMARK(BM_Frame<Check::kHeader>);
BENCHMARK(BM_Frame<Check::kWhole>);

/// The sender's share, per record.
void BM_SealAndRead(benchmark::State& state) {
  RingFile ring = make_ring();
  RingProducer producer = ring.producer();
  constexpr int kFrames = 10'000;
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < kFrames; ++i)
      detail::commit(producer, encode(detail::look_and_reserve(producer, kRoom).payload, i, 0.5));
    state.ResumeTiming();
    std::uint64_t const head = ring.seal();
    std::uint64_t position = ring.tail(), next = ring.base();
    while (position < head) {
      auto const frame = ring.read(position);
      position = frame->end;
      next = frame->next;
    }
    ring.release(position, next);
  }
  state.SetItemsProcessed(state.iterations() * kFrames);
}
BENCHMARK(BM_SealAndRead);

void BM_Ticks(benchmark::State& state) {
  (void)detail::tick_source();
  for (auto _ : state) benchmark::DoNotOptimize(detail::ticks());
}
BENCHMARK(BM_Ticks);

void BM_CreateRing(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(make_ring());
}
BENCHMARK(BM_CreateRing);

}  // namespace
