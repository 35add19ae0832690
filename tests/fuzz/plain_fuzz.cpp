// Any bytes as a plain record, in both forms: refused with a FrameError, or one entry of clean texts and valid JSON.
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

void take(std::span<std::byte const> frame, logboom::wire::Form form) {
  logboom::Block block;
  try {
    logboom::wire::take_plain(frame, form, 1, "peer", block);
  } catch (logboom::wire::FrameError const&) {
    require(block.entries.empty());
    return;
  }
  require(block.entries.size() == 1);
  auto const& entry = block.entries.front();
  require(logboom::wire::is_clean(entry.message) && logboom::wire::is_clean(entry.exception));
  require(logboom::wire::is_clean(block.sites.at(entry.site)->logger));
  for (auto const json : {entry.fields_json, entry.attributes_json})
    require(json.empty() || nlohmann::json::accept(json));
  (void)logboom::to_record(block, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using logboom::wire::Form;
  std::span<std::byte const> const frame(reinterpret_cast<std::byte const*>(data), size);
  (void)logboom::wire::form_of(frame);
  for (Form const form : {Form::kPlainJson, Form::kPlainMsgpack, Form::kUnknown}) take(frame, form);
  return 0;
}
