// Any bytes as a frame of Python's socket handlers: refused with a FrameError, or one entry of clean texts and valid JSON, in bounded time and memory.
#include "inputs/python_record.hpp"
#include "record/clean_text.hpp"
#include "record/wire.hpp"

#include <logboom/record.hpp>

#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void take(logboom::inputs::PythonRecords& records, std::span<std::byte const> pickle) {
  logboom::Block block;
  records.begin(block);
  try {
    records.take(pickle, "peer", 1);
  } catch (logboom::wire::FrameError const&) {
    require(block.entries.empty());
    return;
  }
  require(block.entries.size() == 1);
  auto const& entry = block.entries.front();
  auto const& site = *block.sites.at(entry.site);
  auto const& source = *block.sources.at(entry.source);
  for (std::string_view const text :
       {entry.message, entry.exception, entry.exception_type, entry.stack, entry.task,
        std::string_view(site.logger), std::string_view(site.level_name), std::string_view(site.template_text),
        std::string_view(site.file), std::string_view(site.function), std::string_view(source.thread)})
    require(logboom::wire::is_clean(text));
  for (auto const json : {entry.fields_json, entry.attributes_json})
    require(json.empty() || nlohmann::json::accept(json));
  require(block.bytes() < 64U << 20U);
  (void)logboom::to_record(block, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  // One reader for all, as in a collector: what a frame leaves behind must not reach the next.
  static logboom::inputs::PythonRecords records;
  // The corpus holds frames as they come by the socket; the length says nothing here.
  if (size < 4) return 0;
  take(records, {reinterpret_cast<std::byte const*>(data) + 4, size - 4});
  return 0;
}
