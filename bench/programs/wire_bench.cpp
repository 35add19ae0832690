// The wire form's cost a record: a batch put together by the sender, checked and rendered by the collector; plain records.
#include "record/record_codec.hpp"
#include "record/wire.hpp"

#include <logboom/detail/record_layout.hpp>

#include <benchmark/benchmark.h>
#include <msgpack.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace {

using namespace logboom;
namespace layout = detail::record_layout;

constexpr std::size_t kRecords = 256;

class Catalogue : public wire::Catalogue {
 public:
  explicit Catalogue(std::string_view text) : text_(text) {}
  wire::CallSite site(std::uint64_t ref) const override {
    return {ref, level::kInfo, "INFO", text_, "src/solver/grid.cpp", "solve", 142};
  }
  std::string_view logger(std::uint64_t) const override { return "solver.grid"; }

 private:
  std::string_view text_;
};

using Arguments = std::vector<std::byte>;

Arguments encode(int numbers, std::string_view text) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_array(static_cast<std::uint32_t>(numbers) + (text.empty() ? 0U : 1U));
  if (numbers > 0) packer.pack_fix_int64(123'456);
  if (numbers > 1) packer.pack_double(3.25159);
  if (!text.empty()) packer.pack(text);
  auto const* const data = reinterpret_cast<std::byte const*>(buffer.data());
  return {data, data + buffer.size()};
}

struct Case {
  std::string_view text;
  Arguments arguments;
};

Case const& test_case(std::int64_t number) {
  static Case const cases[] = {
      {"grid refinement finished", encode(0, "")},
      {"solved {cells} cells in {ms} ms", encode(2, "")},
      {"solved {cells} cells in {ms} ms for {path}", encode(2, "/data/runs/2026-11-20/grid-0042.hdf")},
      {"solved {cells} cells in {ms:.1f} ms for {path}", encode(2, "/data/runs/2026-11-20/grid-0042.hdf")},
      {"solved {} cells in {} ms for {}", encode(2, "/data/runs/2026-11-20/grid-0042.hdf")},
  };
  return cases[number];
}
constexpr char const* kNames[] = {"static", "two numbers", "two numbers and a text", "the same, {:.1f}",
                                  "the same, unnamed"};

std::vector<std::byte> record_of(Case const& of) {
  std::vector<std::byte> record(layout::kHeaderSize + of.arguments.size());
  layout::store_header(record.data(), 4, 0, 1, 1);
  std::copy(of.arguments.begin(), of.arguments.end(), record.begin() + layout::kHeaderSize);
  return record;
}

wire::Publisher publisher() {
  wire::Publisher made;
  made.id.fill(std::byte{7});
  made.host = "hub";
  made.process = "solver";
  made.pid = 4711;
  return made;
}

std::span<std::byte const> build(wire::BatchBuilder& builder, std::span<std::byte const> record) {
  builder.begin_stream(0, 1, 1, 4711, "main");
  for (std::size_t i = 0; i < kRecords; ++i)
    builder.add(record, 1'700'000'000'000'000'000 + static_cast<std::int64_t>(i));
  return builder.finish();
}

void count(benchmark::State& state, std::size_t records) {
  using benchmark::Counter;
  state.counters["per_record"] = Counter(static_cast<double>(state.iterations()) * static_cast<double>(records),
                                         Counter::kIsRate | Counter::kInvert);
}

void build_batch(benchmark::State& state) {
  Case const& of = test_case(state.range(0));
  Catalogue const catalogue(of.text);
  wire::BatchBuilder builder(publisher(), catalogue);
  auto const record = record_of(of);
  for (auto _ : state) benchmark::DoNotOptimize(build(builder, record).data());
  count(state, kRecords);
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(build_batch)->DenseRange(0, 2);

void open_batch(benchmark::State& state) {
  Case const& of = test_case(state.range(0));
  Catalogue const catalogue(of.text);
  wire::BatchBuilder builder(publisher(), catalogue);
  auto const frame = build(builder, record_of(of));
  wire::BatchDecoder decoder;
  for (auto _ : state) {
    decoder.open(frame);
    benchmark::DoNotOptimize(decoder.streams().data());
  }
  count(state, kRecords);
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(open_batch)->DenseRange(0, 2);

void open_and_take_batch(benchmark::State& state) {
  Case const& of = test_case(state.range(0));
  Catalogue const catalogue(of.text);
  wire::BatchBuilder builder(publisher(), catalogue);
  auto const frame = build(builder, record_of(of));
  wire::BatchDecoder decoder;
  for (auto _ : state) {
    Block block;
    decoder.open(frame);
    decoder.take(decoder.streams()[0], 1, block);
    benchmark::DoNotOptimize(block.entries.data());
  }
  count(state, kRecords);
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(open_and_take_batch)->DenseRange(0, 4);

/// What a viewer does with each record that it sees.
void decode_live_record(benchmark::State& state) {
  Case const& of = test_case(state.range(0));
  Catalogue const catalogue(of.text);
  wire::BatchBuilder builder(publisher(), catalogue);
  auto const frame = build(builder, record_of(of));
  wire::BatchDecoder decoder;
  Block block;
  decoder.open(frame);
  decoder.take(decoder.streams()[0], 1, block);
  block.first_id = 1;
  std::vector<std::string> live(block.entries.size());
  for (std::size_t i = 0; i < live.size(); ++i) encode_live(block, i, i + 1, live[i]);
  for (auto _ : state) {
    for (auto const& message : live) {
      std::uint64_t n = 0;
      benchmark::DoNotOptimize(
          decode_live({reinterpret_cast<std::byte const*>(message.data()), message.size()}, &n));
    }
  }
  count(state, live.size());
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(decode_live_record)->DenseRange(0, 2);

void take_plain_record(benchmark::State& state, std::string const& frame) {
  std::span<std::byte const> const bytes(reinterpret_cast<std::byte const*>(frame.data()), frame.size());
  constexpr int kRecordsOfABlock = 64;
  for (auto _ : state) {
    Block block;
    for (int i = 0; i < kRecordsOfABlock; ++i) wire::take_plain(bytes, wire::form_of(bytes), 1, "hub", block);
    benchmark::DoNotOptimize(block.entries.data());
  }
  count(state, kRecordsOfABlock);
}

std::string plain_msgpack() {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_map(4);
  packer.pack("logger").pack("app.net");
  packer.pack("level").pack(30);
  packer.pack("message").pack("connection from 10.0.0.7 refused");
  packer.pack("attempt").pack(3);
  return {buffer.data(), buffer.size()};
}

BENCHMARK_CAPTURE(
    take_plain_record, json,
    std::string(
        R"({"logger": "app.net", "level": 30, "message": "connection from 10.0.0.7 refused", "attempt": 3})"));
BENCHMARK_CAPTURE(take_plain_record, msgpack, plain_msgpack());

}  // namespace
