// Any bytes as a batch: refused with a FrameError, or taken whole into a block of clean texts and valid JSON.
#include "record/clean_text.hpp"
#include "record/wire.hpp"

#include <logboom/record.hpp>

#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace {

using logboom::Block;
using logboom::Entry;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(Block const& block) {
  for (std::size_t i = 0; i < block.entries.size(); ++i) {
    Entry const& entry = block.entries[i];
    require(entry.site < block.sites.size() && entry.source < block.sources.size());
    for (auto const text : {entry.message, entry.exception, entry.exception_type, entry.stack, entry.task}) {
      require(logboom::wire::is_clean(text));
    }
    for (auto const json : {entry.fields_json, entry.attributes_json})
      require(json.empty() || nlohmann::json::accept(json));
    (void)logboom::to_record(block, i);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static logboom::wire::BatchDecoder decoder;
  std::span<std::byte const> const frame(reinterpret_cast<std::byte const*>(data), size);
  (void)logboom::wire::whole_record(frame);
  try {
    decoder.open(frame);
  } catch (logboom::wire::FrameError const&) {
    return 0;
  }
  Block block;
  for (auto const& part : decoder.streams()) {
    std::size_t const before = block.progress.size();
    decoder.take(part, part.first, block);
    require(part.end == part.first || block.progress.size() == before + 1);
  }
  check(block);
  return 0;
}
