// Filters, field tests, times and level rules as they are typed. Lines of the input: logger, expression, field test, time, level rules; the rest is a record's text.
#include "record/level_rules.hpp"

#include <logboom/filter.hpp>

#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace {

std::string_view next_line(std::string_view& text) {
  std::size_t const end = text.find('\n');
  std::string_view const line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

template <typename Call>
void attempt(Call const& call) {
  try {
    call();
  } catch (std::invalid_argument const&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace logboom;
  std::string_view rest(reinterpret_cast<char const*>(data), size);
  std::string_view const logger = next_line(rest);
  std::string_view const regex = next_line(rest);
  std::string_view const field = next_line(rest);
  std::string_view const time = next_line(rest);
  std::string_view const rules = next_line(rest);

  Filter filter;
  filter.loggers = {std::string(logger)};
  filter.hosts = {std::string(logger)};
  filter.regex = regex;
  attempt([&] { filter.fields.push_back(parse_field_test(field)); });
  attempt([&] { (void)parse_time(time, 1'795'170'605'000'000'000); });
  attempt([&] {
    LevelRules const parsed = LevelRules::parse(rules);
    (void)parsed.level_for(logger);
    if (LevelRules::parse(parsed.to_string()) != parsed) __builtin_trap();
  });
  attempt([&] {
    Matcher const matcher(filter);
    Record record;
    record.message = rest;
    record.logger = rest.substr(0, 20);
    if (!filter.fields.empty()) record.fields = {{filter.fields[0].field, Value(std::string(rest))}};
    (void)matcher.matches(record);
    if (matcher.topics().size() > 64) __builtin_trap();
  });
  return 0;
}
