#include "store/text_limit.hpp"

#include <fmt/core.h>

namespace logboom::store {
namespace {

void cut_text(std::string_view& text, std::size_t limit, Arena& arena) {
  if (text.size() <= limit) return;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
    --end;  // not inside a character
  text = arena.copy(fmt::format("{}…[cut {} bytes]", text.substr(0, end), text.size() - end));
}

void cut_json(std::string_view& json, std::size_t limit, Arena& arena) {
  if (json.size() <= limit) return;
  json = arena.copy(fmt::format(R"({{"…":"[cut {} bytes]"}})", json.size()));
}

}  // namespace

void cut_long_texts(Block& block, std::size_t limit) {
  for (Entry& entry : block.entries) {
    std::size_t const together = entry.message.size() + entry.fields_json.size() +
                                 entry.exception_type.size() + entry.exception.size() + entry.stack.size() +
                                 entry.task.size() + entry.attributes_json.size();
    if (together <= limit) continue;
    for (std::string_view* text :
         {&entry.message, &entry.exception_type, &entry.exception, &entry.stack, &entry.task}) {
      cut_text(*text, limit, block.arena);
    }
    for (std::string_view* json : {&entry.fields_json, &entry.attributes_json}) {
      cut_json(*json, limit, block.arena);
    }
  }
}

}  // namespace logboom::store
