// See library_json.hpp. Each object is said again in the words of a plain record (docs/protocol.md, "Plain record").
#include "inputs/library_json.hpp"

#include "inputs/derived_names.hpp"
#include "inputs/exception_name.hpp"
#include "inputs/python_template.hpp"
#include "inputs/token_map.hpp"
#include "record/value_time.hpp"
#include "record/wire.hpp"

#include <logboom/level.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace logboom::inputs {
namespace {

using wire::Kind;
using wire::Token;

/// Python 3's levels of logbook, and what they are called there. Others keep their number.
struct LogbookLevel {
  std::int64_t number;
  std::int64_t level;
  std::string_view name;
};
constexpr std::array<LogbookLevel, 7> kLogbookLevels{{{15, level::kCritical, "CRITICAL"},
                                                      {14, level::kError, "ERROR"},
                                                      {13, level::kWarning, "WARNING"},
                                                      {12, 25, "NOTICE"},
                                                      {11, level::kInfo, "INFO"},
                                                      {10, level::kDebug, "DEBUG"},
                                                      {9, level::kTrace, "TRACE"}}};

/// Key for key, where a text or a number only has another name.
struct Renamed {
  std::string_view theirs, ours;
};
constexpr std::array<Renamed, 9> kOfLogging{{{"name", "logger"},
                                             {"levelname", "level_name"},
                                             {"pathname", "file"},
                                             {"funcName", "function"},
                                             {"threadName", "thread"},
                                             {"lineno", "line"},
                                             {"process", "pid"},
                                             {"thread", "tid"},
                                             {"relativeCreated", "relative_created"}}};
constexpr std::array<Renamed, 7> kOfLogbook{{{"channel", "logger"},
                                             {"filename", "file"},
                                             {"func_name", "function"},
                                             {"thread_name", "thread"},
                                             {"lineno", "line"},
                                             {"process", "pid"},
                                             {"thread", "tid"}}};

bool is_text(Token const* value) noexcept { return value != nullptr && value->kind == Kind::kText; }
bool is_number(Token const& value) noexcept {
  return value.kind == Kind::kInt || value.kind == Kind::kFloat64;
}
double number_of(Token const& value) noexcept {
  return value.kind == Kind::kInt ? static_cast<double>(value.integer) : value.number;
}
bool holds_any(Token const* value) noexcept {
  return value != nullptr && value->is_container() && value->size > 0;
}

/// logbook.helpers.format_iso8601() puts the number of microseconds behind the point, without the zeros before it: .31660 is 31,660 of them.
std::string with_microseconds(std::string_view time) {
  constexpr std::size_t kDigits = 6;
  std::string made(time);
  auto const point = made.find('.');
  if (point == std::string::npos) return made;
  auto const end = std::min(made.find_first_not_of("0123456789", point + 1), made.size());
  if (auto const digits = end - point - 1; digits < kDigits) made.insert(point + 1, kDigits - digits, '0');
  return made;
}

Token const* find(Token const& map, std::string_view wanted) noexcept {
  Token const* const end = wire::after(&map);
  for (Token const* key = &map + 1; key != end;) {
    Token const* const value = wire::after(key);
    if (key->kind == Kind::kText && key->text() == wanted) return value;
    key = wire::after(value);
  }
  return nullptr;
}

std::string_view text_of(Token const& map, std::string_view key) noexcept {
  Token const* const value = find(map, key);
  return is_text(value) ? value->text() : std::string_view();
}

/// One object said again. Reused from frame to frame.
class Translation {
 public:
  void logging(Token const& map);
  void logbook(Token const& map);

  void take(std::int64_t arrival, std::string_view peer_host, Block& block) const {
    wire::take_plain(record_.root(), attributes_.root(), arrival, peer_host, block);
  }

 private:
  void begin(Token const& map);
  void finish();
  template <class Known>
  void each(Token const& map, Known const& known);
  template <std::size_t N>
  bool rename(std::array<Renamed, N> const& names, std::string_view key, Token const& value);
  bool logging_key(std::string_view key, Token const& value);
  bool logbook_key(std::string_view key, Token const& value);
  bool logging_time(std::string_view key, Token const& value);
  bool logbook_level(Token const& value);
  bool logbook_extra(Token const& value);
  void logging_message();
  void logbook_message();
  bool process_name(Token const& value);

  Token const* map_ = nullptr;
  TokenMap record_, fields_, attributes_, arguments_;
  std::deque<std::string> texts_;  // made here
};

void Translation::begin(Token const& map) {
  map_ = &map;
  for (auto* part : {&record_, &fields_, &attributes_, &arguments_}) part->clear();
  texts_.clear();
}

void Translation::finish() {
  if (!fields_.empty()) record_.add("fields", fields_.root());
}

/// What is not known, or not of the type it ought to have, is a field.
template <class Known>
void Translation::each(Token const& map, Known const& known) {
  Token const* const end = wire::after(&map);
  for (Token const* key = &map + 1; key != end;) {
    Token const& value = *wire::after(key);
    if (!known(key->text(), value)) fields_.add(key->text(), value);
    key = wire::after(&value);
  }
}

template <std::size_t N>
bool Translation::rename(std::array<Renamed, N> const& names, std::string_view key, Token const& value) {
  auto const found =
      std::find_if(names.begin(), names.end(), [&](auto const& one) { return one.theirs == key; });
  if (found == names.end()) return false;
  bool const number = found->ours == "line" || found->ours == "pid" || found->ours == "tid" ||
                      found->ours == "relative_created";
  if (value.is_nil()) return true;
  if (number ? !is_number(value) : value.kind != Kind::kText) return false;
  record_.add(found->ours, value);
  return true;
}

bool Translation::process_name(Token const& value) {
  if (value.kind != Kind::kText) return value.is_nil();
  if (value.text() != "MainProcess") record_.add("process_name", value);
  return true;
}

// --- module logging

void Translation::logging(Token const& map) {
  begin(map);
  each(map, [this](std::string_view key, Token const& value) { return logging_key(key, value); });
  logging_message();
  finish();
}

bool Translation::logging_key(std::string_view key, Token const& value) {
  if (rename(kOfLogging, key, value) || logging_time(key, value)) return true;
  if (key == "msg" || key == "message" || key == "args") return true;  // logging_message()
  if (key == "processName") return process_name(value);
  if (key == "levelno") {
    if (value.kind != Kind::kInt || !std::in_range<Level>(value.integer)) return false;
    record_.add("level", value);
    return true;
  }
  auto const file = text_of(*map_, "pathname");
  if (key == "filename" || key == "module") {
    if (value.kind != Kind::kText) return value.is_nil();
    auto const name = text_of(*map_, "filename");
    bool const derived = key == "filename"
                             ? value.text() == base_name(file) || value.text() == base_name(file, '\\')
                             : value.text() == stem(name.empty() ? base_name(file) : name);
    if (!derived) attributes_.add(key, value);
    return true;
  }
  if (key == "exc_text" && value.kind == Kind::kText) {
    record_.add("exception", value);
    if (auto const type = exception_name(value.text()); !type.empty()) record_.add("exception_type", type);
    return true;
  }
  if ((key == "stack_info" || key == "taskName") && value.kind == Kind::kText) {
    record_.add(key == "taskName" ? "task" : "stack", value);
    return true;
  }
  return value.is_nil() &&
         (key == "exc_info" || key == "exc_text" || key == "stack_info" || key == "taskName");
}

/// A float holds microseconds of our time, and no more.
bool Translation::logging_time(std::string_view key, Token const& value) {
  if (!is_number(value)) return false;
  if (key == "created" && std::abs(number_of(value)) < 9.2e9) {
    attributes_.add("time", std::llrint(number_of(value) * 1e6) * 1000);
    return true;
  }
  if (key != "msecs") return false;
  Token const* const created = find(*map_, "created");
  if (created == nullptr || !is_number(*created) || !follows(number_of(value), number_of(*created)))
    attributes_.add(key, value);
  return true;
}

/// QueueHandler.prepare() has put the arguments in, and then there are none.
void Translation::logging_message() {
  Token const* const msg = find(*map_, "msg");
  Token const* const message = find(*map_, "message");
  Token const* const args = find(*map_, "args");
  if (is_text(msg) && holds_any(args)) {
    record_.add("template", *msg);
    record_.add("arguments", *args);
    record_.add("message",
                is_text(message) ? message->text() : texts_.emplace_back(render_percent(msg->text(), *args)));
  } else if (Token const* const shown = msg != nullptr && !msg->is_nil() ? msg : message; shown != nullptr) {
    record_.add("message", *shown);
  }
}

// --- logbook

void Translation::logbook(Token const& map) {
  begin(map);
  each(map, [this](std::string_view key, Token const& value) { return logbook_key(key, value); });
  logbook_message();
  finish();
}

bool Translation::logbook_key(std::string_view key, Token const& value) {
  if (rename(kOfLogbook, key, value)) return true;
  if (key == "msg" || key == "message" || key == "args" || key == "kwargs") return true;  // logbook_message()
  // What has become of the object, not of the event.
  if (key == "heavy_initialized" || key == "information_pulled" || key == "keep_open" || key == "late")
    return true;
  if (key == "level") return logbook_level(value);
  if (key == "extra") return logbook_extra(value);
  if (key == "process_name") return process_name(value);
  if (key == "time") {
    auto const time =
        value.kind == Kind::kText ? wire::read_time(with_microseconds(value.text())) : std::nullopt;
    if (time) attributes_.add("time", *time);
    return time.has_value() || value.is_nil();
  }
  if (key == "formatted_exception" && value.kind == Kind::kText) {
    record_.add("exception", value);
    return true;
  }
  if (key == "exception_name" && value.kind == Kind::kText) {
    constexpr std::string_view kBuiltin = "builtins.";
    auto name = value.text();
    if (name.starts_with(kBuiltin)) name.remove_prefix(kBuiltin.size());
    record_.add("exception_type", name);
    return true;
  }
  if (key == "module" && value.kind == Kind::kText) {
    if (value.text() != stem(base_name(text_of(*map_, "filename")))) attributes_.add(key, value);
    return true;
  }
  if (key == "frame_correction" && value.kind == Kind::kInt && value.integer == 0) return true;
  if (key == "greenlet" || key == "exception_message" || key == "frame_correction") {
    if (!value.is_nil()) attributes_.add(key, value);
    return true;
  }
  return value.is_nil() && (key == "formatted_exception" || key == "exception_name" || key == "module");
}

bool Translation::logbook_level(Token const& value) {
  if (value.kind != Kind::kInt || !std::in_range<Level>(value.integer)) return false;
  auto const known = std::find_if(kLogbookLevels.begin(), kLogbookLevels.end(),
                                  [&](auto const& one) { return one.number == value.integer; });
  if (known != kLogbookLevels.end()) {
    record_.add("level", known->level);
    record_.add("level_name", known->name);
  } else {
    record_.add("level", value);
    record_.add("level_name", texts_.emplace_back(fmt::format("Level {}", value.integer)));
    attributes_.add("logbook_level", value);
  }
  return true;
}

bool Translation::logbook_extra(Token const& value) {
  if (value.kind != Kind::kMap) return value.is_nil();
  each(value, [](std::string_view, Token const&) { return false; });
  return true;
}

/// Positional arguments have their numbers for names where there are others with names.
void Translation::logbook_message() {
  Token const* const msg = find(*map_, "msg");
  Token const* const message = find(*map_, "message");
  Token const* const args = find(*map_, "args");
  Token const* const named = find(*map_, "kwargs");
  if (Token const* const shown = message != nullptr && !message->is_nil() ? message : msg; shown != nullptr)
    record_.add("message", *shown);
  if (!is_text(msg) || (!holds_any(args) && !holds_any(named))) return;
  record_.add("template", *msg);
  if (!holds_any(named) || named->kind != Kind::kMap) return record_.add("arguments", *args);
  if (holds_any(args)) {
    Token const* value = args + 1;
    for (std::uint32_t i = 0; i < args->size && args->kind == Kind::kArray; ++i, value = wire::after(value))
      arguments_.add(texts_.emplace_back(fmt::format("{}", i)), *value);
  }
  Token const* const end = wire::after(named);
  for (Token const* key = named + 1; key != end;) {
    Token const& value = *wire::after(key);
    arguments_.add(key->text(), value);
    key = wire::after(&value);
  }
  record_.add("arguments", arguments_.root());
}

bool is_logging(Token const& map) {
  Token const* const level = find(map, "levelno");
  return level != nullptr && level->kind == Kind::kInt && is_text(find(map, "levelname")) &&
         is_text(find(map, "name")) && find(map, "msg") != nullptr;
}

bool is_logbook(Token const& map) {
  return find(map, "heavy_initialized") != nullptr && is_text(find(map, "channel")) &&
         find(map, "level") != nullptr && find(map, "msg") != nullptr;
}

}  // namespace

bool take_library_json(std::span<std::byte const> frame, std::int64_t arrival, std::string_view peer_host,
                       Block& block) {
  std::string_view const text(reinterpret_cast<char const*>(frame.data()), frame.size());
  // Most objects are nobody's but their sender's, and are read only once.
  bool const logging = text.find("\"levelno\"") != std::string_view::npos;
  if ((!logging && text.find("\"heavy_initialized\"") == std::string_view::npos) ||
      frame.size() > wire::kMaxMessage)
    return false;
  // On the heap for the reason that wire::take_plain() gives.
  struct Kept {
    wire::TokenTape tape;
    Translation translation;
  };
  thread_local auto const kept = std::make_unique<Kept>();
  kept->tape.read_json(text);
  auto const& map = kept->tape.root();
  if (map.kind != Kind::kMap) return false;
  if (is_logging(map)) {
    kept->translation.logging(map);
  } else if (is_logbook(map)) {
    kept->translation.logbook(map);
  } else {
    return false;
  }
  kept->translation.take(arrival, peer_host, block);
  return true;
}

void take_published(std::string_view topic, std::string_view text, std::int64_t arrival,
                    std::string_view peer_host, Block& block) {
  TokenMap record;
  std::string logger;
  bool has_level = false;
  for (std::size_t at = 0; at <= topic.size();) {
    std::size_t const end = std::min(topic.find('.', at), topic.size());
    auto const part = topic.substr(at, end - at);
    at = end + 1;
    bool const upper =
        !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!has_level && upper && parse_level(part)) {
      record.add("level", part);
      has_level = true;
    } else if (!part.empty()) {
      logger += (logger.empty() ? "" : ".") + std::string(part);
    }
  }
  while (text.ends_with('\n')) text.remove_suffix(1);
  record.add("logger", logger);
  record.add("message", text);
  wire::take_plain(record.root(), TokenMap().root(), arrival, peer_host, block);
}

}  // namespace logboom::inputs
