// Lines of text as records. Must not know where the lines come from.
#include "cli/line_logger.hpp"

#include "record/wire.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <span>
#include <stdexcept>
#include <utility>

namespace logboom::cli {
namespace {

std::int64_t now() {
  auto const since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
}

template <class Number>
bool reads_as(std::string_view text, Number& number) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

Value value_of(std::string_view text) {
  if (text == "true") return Value{true};
  if (text == "false") return Value{false};
  if (text == "null") return Value{nullptr};
  if (std::int64_t number = 0; reads_as(text, number)) return Value{number};
  if (std::uint64_t number = 0; reads_as(text, number)) return Value{number};
  if (double number = 0; reads_as(text, number)) return Value{number};
  return Value{std::string(text)};
}

/// Where the line says it comes from: attributes where there are such (docs/protocol.md); else fields, since it is this publisher that sends it.
void add_origin(Record const& parsed, DynamicRecord& record) {
  auto const text = [](auto& to, char const* name, std::string const& value) {
    if (!value.empty()) to.emplace_back(name, Value{value});
  };
  auto const number = [&](char const* name, std::uint64_t value) {
    if (value != 0) record.attributes.emplace_back(name, Value{value});
  };
  text(record.fields, "host", parsed.host);
  text(record.fields, "process", parsed.process);
  text(record.attributes, "thread", parsed.thread);
  text(record.attributes, "template", parsed.template_text);
  number("pid", parsed.pid);
  number("tid", parsed.tid);
}

}  // namespace

std::pair<std::string, Value> parse_assignment(std::string_view text) {
  auto const equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw std::invalid_argument(fmt::format("--field {}: no name and value; write it as NAME=VALUE", text));
  }
  return {std::string(text.substr(0, equals)), value_of(text.substr(equals + 1))};
}

LineLogger::LineLogger(Publisher& bus, Defaults defaults)
    : bus_(bus), defaults_(std::move(defaults)), logger_(bus_.logger(defaults_.logger)) {}

void LineLogger::log(std::string_view line) {
  if (defaults_.json && line.starts_with('{') && log_structured(line)) return;
  DynamicRecord record;
  record.level = defaults_.level;
  record.message = line;
  record.fields = defaults_.fields;
  logboom::log(logger_, record);
}

bool LineLogger::log_structured(std::string_view line) {
  Block block;
  try {
    wire::take_plain(std::as_bytes(std::span(line)), wire::Form::kPlainJson, now(), {}, block);
  } catch (wire::FrameError const&) {
    return false;  // it only begins like JSON
  }
  Record const parsed = to_record(block, 0);
  DynamicRecord record;
  record.level = parsed.level;
  record.level_name = parsed.level_name;
  record.message = parsed.message;
  record.file = parsed.file;
  record.function = parsed.function;
  record.line = parsed.line;
  record.time = parsed.time;
  record.fields = defaults_.fields;
  record.fields.insert(record.fields.end(), parsed.fields.begin(), parsed.fields.end());
  record.attributes = parsed.attributes;
  add_origin(parsed, record);
  std::pair<char const*, std::string const&> const texts[] = {{"exception_type", parsed.exception_type},
                                                              {"exception", parsed.exception},
                                                              {"stack", parsed.stack},
                                                              {"task", parsed.task}};
  for (auto const& [name, text] : texts) {
    if (!text.empty()) record.attributes.emplace_back(name, Value{text});
  }
  logboom::log(parsed.logger.empty() ? logger_ : bus_.logger(parsed.logger), record);
  return true;
}

}  // namespace logboom::cli
