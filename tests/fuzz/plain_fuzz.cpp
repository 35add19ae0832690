// Any bytes as a plain record, in both forms, as what a library makes of a record, and as a published text: refused, or one entry of clean texts and valid JSON.
#include "inputs/library_json.hpp"
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

/// `taken` adds an entry to the block, says that it is not its own, or throws.
template <class Take>
void check(Take const& taken) {
  logboom::Block block;
  bool entered = false;
  try {
    entered = taken(block);
  } catch (logboom::wire::FrameError const&) {
  }
  if (!entered) return require(block.entries.empty());
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
  for (Form const form : {Form::kPlainJson, Form::kPlainMsgpack, Form::kUnknown}) {
    check([&](logboom::Block& block) {
      logboom::wire::take_plain(frame, form, 1, "peer", block);
      return true;
    });
  }
  check([&](logboom::Block& block) { return logboom::inputs::take_library_json(frame, 1, "peer", block); });
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  check([&](logboom::Block& block) {
    logboom::inputs::take_published(text.substr(0, size / 2), text.substr(size / 2), 1, "peer", block);
    return true;
  });
  return 0;
}
