// Damaged frames: cut at every byte, flipped bits, random bytes. Each is refused with a FrameError or read; nothing else happens.
#include "wire_fixture.hpp"

#include "record/record_codec.hpp"

#include <logboom/record.hpp>

#include <gtest/gtest.h>

#include <random>

namespace logboom::wire::test {
namespace {

// One record of everything.
std::vector<std::byte> rich_batch() {
  TestCatalogue catalogue;
  catalogue.sites[1] = {level::kInfo, "INFO",
                        "solved {cells} cells in {ms:.1f} ms {:>{}} {d:%T} {t:%H} {l::x}"};
  catalogue.sites[2] = {25, "NOTICE", ""};
  catalogue.loggers[2] = "solver.io";
  BatchBuilder builder(test_publisher(), catalogue);
  builder.begin_stream(0, 1, 5, 4711, "main");
  builder.add(ring_record(1, 1,
                          {value(1000), value(2.5), text("abc"), value(8), duration(1'500'000),
                           timestamp(1'700'000'000, 5), array({value(1), value(2)})},
                          fields({{"path", text("/tmp/x")},
                                  {"blob", bin("\x01\xff")},
                                  {"nested", fields({{"a", array({nil(), value(true)})}})}}),
                          fields({{"level", value(40)}, {"exception", text("boom")}, {"extra", value(0.5F)}})),
              123);
  builder.add_gap(777, 12, "spool full");
  builder.begin_stream(4, 2, 9, 4712, "worker-1");
  builder.add(ring_record(2, 2, {text("plain")}), 125);
  builder.add(ring_record(1, 2, {pointer(5), character("x"), nil()}), 126);
  auto const frame = builder.finish();
  return {frame.begin(), frame.end()};
}

// @return whether it was read
bool read(BatchDecoder& decoder, std::span<std::byte const> frame) {
  // exactly as large as the frame, for AddressSanitizer's sake
  std::vector<std::byte> const exact(frame.begin(), frame.end());
  try {
    decoder.open(exact);
  } catch (FrameError const&) {
    return false;
  }
  Block block;
  for (auto const& part : decoder.streams()) decoder.take(part, part.first, block);
  for (std::size_t i = 0; i < block.entries.size(); ++i) (void)to_record(block, i);
  return true;
}

TEST(Hostile, BatchCutAtEveryByteIsRefused) {
  auto const frame = rich_batch();
  BatchDecoder decoder;
  ASSERT_TRUE(read(decoder, frame));
  for (std::size_t size = 0; size < frame.size(); ++size)
    EXPECT_FALSE(read(decoder, std::span(frame).first(size))) << size;
  EXPECT_TRUE(read(decoder, frame));
}

TEST(Hostile, EveryBitFlipped) {
  auto frame = rich_batch();
  BatchDecoder decoder;
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      frame[at] ^= static_cast<std::byte>(1U << bit);
      (void)read(decoder, frame);
      frame[at] ^= static_cast<std::byte>(1U << bit);
    }
  }
  EXPECT_TRUE(read(decoder, frame));
}

TEST(Hostile, EveryByteReplacedByEachOfMsgpacksHeads) {
  auto frame = rich_batch();
  BatchDecoder decoder;
  for (std::size_t at = 0; at < frame.size(); ++at) {
    std::byte const kept = frame[at];
    for (unsigned head = 0xc0; head <= 0xe0; ++head) {
      frame[at] = static_cast<std::byte>(head);
      (void)read(decoder, frame);
    }
    frame[at] = kept;
  }
  EXPECT_TRUE(read(decoder, frame));
}

TEST(Hostile, RandomFramesAndRandomPlainRecords) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  BatchDecoder decoder;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> frame(random() % 60);
    for (auto& byte : frame) byte = static_cast<std::byte>(random());
    (void)read(decoder, frame);
    for (Form const form : {Form::kPlainJson, Form::kPlainMsgpack}) {
      Block block;
      try {
        take_plain(frame, form, 1, "peer", block);
        (void)to_record(block, 0);
      } catch (FrameError const&) {
        EXPECT_TRUE(block.entries.empty());
      }
    }
  }
}

}  // namespace
}  // namespace logboom::wire::test
