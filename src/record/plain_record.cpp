// Plain records (docs/protocol.md, "Plain record"): one msgpack map or JSON object, whose keys anybody can write by hand.
// Must not know sockets or streams.
#include "record/entry_writer.hpp"
#include "record/extension.hpp"
#include "record/token_tape.hpp"
#include "record/value_time.hpp"
#include "record/wire.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include <fmt/format.h>

namespace logboom::wire {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSecondsBelow =
    100'000'000'000;  // a smaller integer is a time in seconds, a larger one in nanoseconds

bool is_number(Token const& value) noexcept {
  return value.kind >= Kind::kInt && value.kind <= Kind::kFloat64;
}

bool is_text(Token const& value) noexcept { return value.kind == Kind::kText; }

std::optional<std::int64_t> nanoseconds_of(double seconds) noexcept {
  if (!(std::abs(seconds) < 9.2e9)) return std::nullopt;
  double const whole = std::floor(seconds);
  return static_cast<std::int64_t>(whole) * kSecond + std::llround((seconds - whole) * 1e9);
}

std::optional<std::int64_t> time_of(Token const& value) {
  switch (value.kind) {
    case Kind::kInt:
      if (std::abs(value.integer / kSecondsBelow) > 0) return value.integer;
      if (auto const limit = std::numeric_limits<std::int64_t>::max() / kSecond; std::abs(value.integer) > limit)
        return std::nullopt;
      return value.integer * kSecond;
    case Kind::kFloat32:
    case Kind::kFloat64: return nanoseconds_of(value.number);
    case Kind::kText: return read_time(value.text());
    case Kind::kExtension: return timestamp_of(value);
    default: return std::nullopt;
  }
}

std::optional<std::uint64_t> natural(Token const& value, std::int64_t largest) noexcept {
  if (value.kind != Kind::kInt || value.integer < 0 || value.integer > largest) return std::nullopt;
  return static_cast<std::uint64_t>(value.integer);
}

/// What Python's records have and others do not: kept as attributes (docs/protocol.md, "Attributes").
bool is_attribute(std::string_view key, Token const& value) noexcept {
  if (key == "arguments") return value.is_container();
  if (key == "types") return value.kind == Kind::kMap;
  if (key == "process_name") return is_text(value);
  return key == "relative_created" && is_number(value);
}

/// One record put together key by key. Values of the wrong kind become fields, so that nothing said is lost.
class PlainRecord {
 public:
  PlainRecord(Block& block, EntryWriter& writer, std::int64_t arrival, std::string_view peer_host)
      : block_(block), writer_(writer) {
    entry_.time = arrival;
    source_.host = clean(peer_host);
    site_.level = level::kInfo;
    writer_.reset_budget();
    writer_.begin(block_, entry_);
  }

  void read(Token const& map) {
    Token const* const end = after(&map);
    for (Token const* key = &map + 1; key != end;) {
      Token const& value = *after(key);
      bool const named = is_text(*key);
      if (!named || !take(key->text(), value)) leave(*key, value);
      key = after(&value);
    }
  }

  void finish() {
    auto const overrides = writer_.finish();
    if (overrides.level) site_.level = *overrides.level;
    if (!overrides.level_name.empty()) site_.level_name = overrides.level_name;
    if (site_.level_name.empty()) site_.level_name = level_name(site_.level);
    entry_.site = site_index();
    entry_.source = source_index();
    block_.entries.push_back(entry_);
  }

 private:
  bool take(std::string_view key, Token const& value) {
    if (key == "message" || key == "msg") return take_message(value);
    if (key == "level") return take_level(value);
    if (key == "time") return take_time(value);
    if (key == "fields") return take_fields(value);
    if (key == "pid") return take_number(value, source_.pid);
    if (key == "tid") return take_number(value, source_.tid);
    if (key == "line") return take_line(value);
    if (std::string* const member = text_member(key)) return take_text(value, *member);
    if (is_attribute(key, value)) {
      writer_.attribute(key, value);
      return true;
    }
    return writer_.known_attribute(key, value);
  }

  void leave(Token const& key, Token const& value) {
    if (is_text(key)) return writer_.field(key.text(), value);
    TextBuffer scratch;
    writer_.field(block_.arena.copy(key_text(key, scratch)), value);
  }

  // The first of `message` and `msg` is the message; another one is a field.
  bool take_message(Token const& value) {
    if (has_message_ || value.is_nil()) return !has_message_;
    has_message_ = true;
    writer_.message(value);
    return true;
  }
  bool take_level(Token const& value) {
    if (!is_text(value)) return writer_.known_attribute("level", value);
    auto const level = parse_level(value.text());
    if (level) site_.level = *level;
    // a name that we do not know is still what its author calls it
    else
      site_.level_name = clean(value.text());
    return true;
  }
  bool take_time(Token const& value) {
    auto const time = time_of(value);
    if (time) entry_.time = *time;
    return time.has_value();
  }
  bool take_fields(Token const& value) {
    if (value.kind != Kind::kMap) return false;
    writer_.fields(value);
    return true;
  }
  static bool take_number(Token const& value, std::uint64_t& member) noexcept {
    auto const number = natural(value, std::numeric_limits<std::int64_t>::max());
    if (number) member = *number;
    return number.has_value();
  }
  bool take_line(Token const& value) noexcept {
    auto const number = natural(value, std::numeric_limits<std::uint32_t>::max());
    if (number) site_.line = static_cast<std::uint32_t>(*number);
    return number.has_value();
  }
  static bool take_text(Token const& value, std::string& member) {
    if (!is_text(value)) return false;
    member = clean(value.text());
    return true;
  }

  std::string* text_member(std::string_view key) noexcept {
    if (key == "logger" || key == "name") return &site_.logger;
    if (key == "template") return &site_.template_text;
    if (key == "file") return &site_.file;
    if (key == "function") return &site_.function;
    if (key == "host") return &source_.host;
    if (key == "process") return &source_.process;
    if (key == "thread") return &source_.thread;
    return nullptr;
  }

  // Records of one sender come together: it is enough to look at the last ones of the block.
  template <typename T>
  static std::uint32_t index_in(std::vector<std::shared_ptr<T const>>& list, T&& item) {
    constexpr std::size_t kLookBack = 16;
    std::size_t const from = list.size() > kLookBack ? list.size() - kLookBack : 0;
    for (std::size_t i = list.size(); i > from; --i) {
      if (*list[i - 1] == item) return static_cast<std::uint32_t>(i - 1);
    }
    list.push_back(std::make_shared<T const>(std::forward<T>(item)));
    return static_cast<std::uint32_t>(list.size() - 1);
  }
  std::uint32_t site_index() { return index_in(block_.sites, std::move(site_)); }
  std::uint32_t source_index() { return index_in(block_.sources, std::move(source_)); }

  Block& block_;
  EntryWriter& writer_;
  Entry entry_;
  Site site_;
  Source source_;
  bool has_message_ = false;
};

}  // namespace

Form form_of(std::span<std::byte const> frame) noexcept {
  if (frame.empty()) return Form::kUnknown;
  auto const at = [&](std::size_t i) { return std::to_integer<unsigned>(frame[i]); };
  unsigned const first = at(0);
  if ((first & 0xf0U) == 0x90U || first == 0xdc || first == 0xdd) return Form::kBatch;
  if (first == 0x80 && frame.size() > 1) return Form::kUnknown;  // a pickle: an empty map has one byte
  if ((first & 0xf0U) == 0x80U || first == 0xde || first == 0xdf) return Form::kPlainMsgpack;
  for (std::size_t i = 0; i < frame.size(); ++i) {
    unsigned const c = at(i);
    if (c == '{') return Form::kPlainJson;
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') break;
  }
  return Form::kUnknown;
}

namespace {

// What a thread keeps of one record for the next is bounded by the largest frame. Not in the thread's own block: the little that the C library has
// to spare of that decides whether a library with a `thread_local` of this size can be loaded by dlopen(), as Python does.
struct Kept {
  TokenTape tape;
  EntryWriter writer;
};
Kept& kept() {
  thread_local auto const made = std::make_unique<Kept>();
  return *made;
}

}  // namespace

void take_plain(Token const& map, Token const& attributes, std::int64_t arrival, std::string_view peer_host,
                Block& block) {
  PlainRecord record(block, kept().writer, arrival, peer_host);
  record.read(map);
  kept().writer.attributes(attributes);
  record.finish();
}

void take_plain(std::span<std::byte const> frame, Form form, std::int64_t arrival, std::string_view peer_host,
                Block& block) {
  auto& [tape, writer] = kept();
  if (frame.size() > kMaxMessage)
    throw FrameError(fmt::format("plain record of {} bytes, more than {}", frame.size(), kMaxMessage));
  if (form == Form::kPlainJson) {
    tape.read_json({reinterpret_cast<char const*>(frame.data()), frame.size()});
  } else if (form == Form::kPlainMsgpack) {
    tape.read_msgpack(frame);
  } else {
    throw FrameError("neither a batch, nor a msgpack map, nor a JSON object");
  }
  if (tape.root().kind != Kind::kMap) throw FrameError("plain record is not a map");
  PlainRecord record(block, writer, arrival, peer_host);
  record.read(tape.root());
  record.finish();
}

}  // namespace logboom::wire
