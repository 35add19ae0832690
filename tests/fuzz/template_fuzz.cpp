// Any template over any arguments, as strangers may send both: rendered within the bound, the same each time. The first line is the template; the rest is the arguments, a
// msgpack array.
#include "record/template.hpp"
#include "record/wire.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace logboom::wire;

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<Token const*> elements(Token const& list) {
  std::vector<Token const*> found;
  if (list.kind != Kind::kArray) return found;
  Token const* at = &list + 1;
  for (std::size_t i = 0; i < list.size && i < Template::kMaxArguments; ++i, at = after(at))
    found.push_back(at);
  return found;
}

/// Longer than the bound by the text's own end, or by the one value that made it too long: whoever asked cuts it there.
void check(Template const& text, std::string_view source, std::span<Token const* const> arguments) {
  constexpr std::size_t kOneValue = std::size_t{16} << 20U;
  TextBuffer once;
  TextBuffer twice;
  auto const outcome = text.render(arguments, once);
  require(outcome.unsuitable <= text.placeholders());
  require(once.size() <= Template::kMaxRendered + source.size() + (outcome.complete ? 0 : kOneValue));
  require(text.render(arguments, twice).unsuitable == outcome.unsuitable);
  require(std::string_view(once.data(), once.size()) == std::string_view(twice.data(), twice.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const input(reinterpret_cast<char const*>(data), size);
  auto const line = input.substr(0, input.find('\n'));
  auto const rest = input.substr(std::min(line.size() + 1, input.size()));
  auto const source = clean(line);
  Template const text(source);
  require(text.arguments() <= Template::kMaxArguments);
  for (auto const& key : text.keys()) require(key.name.size() <= Template::kMaxName && is_clean(key.name));
  check(text, source, {});
  TokenTape tape;
  try {
    tape.read_msgpack(std::as_bytes(std::span(rest)));
  } catch (FrameError const&) {
    return 0;
  }
  check(text, source, elements(tape.root()));
  return 0;
}
