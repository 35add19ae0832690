// Any bytes as a forwarded frame: refused with a FrameError, or taken whole into a block of clean texts and valid JSON, each number once.
#include "record/clean_text.hpp"
#include "record/forward.hpp"

#include <logboom/record.hpp>

#include <cstdint>
#include <cstdlib>
#include <set>
#include <tuple>

#include <nlohmann/json.hpp>

namespace {

using logboom::Block;
using logboom::Entry;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(Block const& block) {
  std::set<std::tuple<logboom::PublisherId, std::uint64_t, std::uint64_t>> numbers;
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    Entry const& entry = block.entries[i];
    require(entry.site < block.sites.size() && entry.source < block.sources.size());
    auto const& source = *block.sources[entry.source];
    require(numbers.insert({source.publisher, source.stream, entry.sequence}).second);
    for (auto const text : {entry.message, entry.exception, entry.exception_type, entry.stack, entry.task})
      require(logboom::wire::is_clean(text));
    for (auto const json : {entry.fields_json, entry.attributes_json})
      require(json.empty() || nlohmann::json::accept(json));
    (void)logboom::to_record(block, i);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static logboom::wire::ForwardDecoder decoder;
  try {
    decoder.open({reinterpret_cast<std::byte const*>(data), size});
  } catch (logboom::wire::FrameError const&) {
    return 0;
  }
  std::vector<logboom::wire::ForwardDecoder::Admitted> admitted;
  for (std::size_t i = 0; i < decoder.spans().size(); ++i)
    admitted.push_back({i, decoder.spans()[i].first, decoder.spans()[i].last});
  Block block;
  decoder.take(admitted, block);
  check(block);
  return 0;
}
