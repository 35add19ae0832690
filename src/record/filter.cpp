// Filters made ready and applied: see logboom/filter.hpp. Must not know stores, sockets or command lines.
#include <logboom/filter.hpp>

#include "record/glob.hpp"
#include "record/json.hpp"
#include "record/record_codec.hpp"
#include "record/terminal_text.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <variant>

namespace logboom {
namespace {

constexpr std::size_t kMaxAlternatives = 1000;
constexpr std::size_t kMaxFieldTests = 100;
constexpr std::size_t kMaxExpression = 4096;
constexpr std::size_t kMaxPrefixes = 64;
constexpr std::int64_t kExpressionMemory = 8 << 20;

using Operator = FieldTest::Operator;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_harmless_line(text.substr(0, 80), out);
  return out + (text.size() > 80 ? "…\"" : "\"");
}

std::unique_ptr<re2::RE2 const> compile(std::string_view expression) {
  if (expression.size() > kMaxExpression) {
    throw std::invalid_argument(
        fmt::format("regular expression: {} bytes; at most {} are taken", expression.size(), kMaxExpression));
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kExpressionMemory);
  auto compiled =
      std::make_unique<re2::RE2 const>(re2::StringPiece(expression.data(), expression.size()), options);
  if (!compiled->ok()) {
    throw std::invalid_argument(fmt::format("regular expression {}: {} (the syntax is RE2's)",
                                            quoted(expression), compiled->error()));
  }
  return compiled;
}

bool found(re2::RE2 const& expression, std::string_view text) {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression);
}

// Integers stay integers, so that large ones compare exactly.
using Number = std::variant<std::int64_t, std::uint64_t, double>;

std::optional<Number> number_in(std::string_view text) {
  char const* const end = text.data() + text.size();
  auto const whole = [&](auto& number) {
    auto const result = std::from_chars(text.data(), end, number);
    return result.ec == std::errc{} && result.ptr == end;
  };
  if (std::int64_t number = 0; whole(number)) return number;
  if (std::uint64_t number = 0; whole(number)) return number;
  if (double number = 0; whole(number)) return number;
  return std::nullopt;
}

std::optional<Number> number_of(Value const& value) {
  if (auto const* const number = std::get_if<std::int64_t>(&value.data())) return *number;
  if (auto const* const number = std::get_if<std::uint64_t>(&value.data())) return *number;
  if (auto const* const number = std::get_if<double>(&value.data())) return *number;
  return std::nullopt;
}

std::partial_ordering compare(Number const& left, Number const& right) {
  return std::visit(
      [](auto a, auto b) -> std::partial_ordering {
        if constexpr (std::is_same_v<decltype(a), double> || std::is_same_v<decltype(b), double>) {
          return static_cast<double>(a) <=> static_cast<double>(b);
        } else {
          return std::cmp_less(a, b)    ? std::partial_ordering::less
                 : std::cmp_equal(a, b) ? std::partial_ordering::equivalent
                                        : std::partial_ordering::greater;
        }
      },
      left, right);
}

bool holds(Operator op, std::partial_ordering order) {
  switch (op) {
    case Operator::kEqual: return std::is_eq(order);
    case Operator::kNotEqual: return std::is_neq(order);
    case Operator::kLess: return std::is_lt(order);
    case Operator::kLessEqual: return std::is_lteq(order);
    case Operator::kGreater: return std::is_gt(order);
    case Operator::kGreaterEqual: return std::is_gteq(order);
    case Operator::kMatches: break;
  }
  return false;
}

bool is_order(Operator op) {
  return op != Operator::kEqual && op != Operator::kNotEqual && op != Operator::kMatches;
}

std::string_view text_of(Value const& value, std::string& scratch) {
  if (auto const* const text = std::get_if<std::string>(&value.data())) return *text;
  scratch.clear();
  write_json(value, scratch);
  std::string_view shown = scratch;
  if (shown.size() >= 2 && shown.front() == '"')
    shown = shown.substr(1, shown.size() - 2);  // bytes, nan, inf
  return shown;
}

struct CompiledTest {
  FieldTest const* test = nullptr;
  std::unique_ptr<re2::RE2 const> expression;
  std::optional<Number> number;

  bool matches(Record const& record) const {
    Value const* const value = find_field(record, test->field);
    if (value == nullptr) return test->op == Operator::kNotEqual;
    std::string scratch;
    if (test->op == Operator::kMatches) return found(*expression, text_of(*value, scratch));
    if (number) {
      std::optional<Number> field = number_of(*value);
      auto const* const text = std::get_if<std::string>(&value->data());
      if (!field && text != nullptr && is_order(test->op)) field = number_in(*text);
      if (field) return holds(test->op, compare(*field, *number));
    }
    return holds(test->op, text_of(*value, scratch) <=> std::string_view(test->value));
  }
};

bool in_logger(std::string_view prefix, std::string_view logger) {
  if (prefix.find('*') != std::string_view::npos) return glob_matches(prefix, logger);
  return prefix.empty() ||
         (logger.starts_with(prefix) && (logger.size() == prefix.size() || logger[prefix.size()] == '.'));
}

bool any_glob(std::vector<std::string> const& patterns, std::string_view text) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                         [&](std::string const& p) { return glob_matches(p, text); });
}

void check_size(std::string_view what, std::size_t size, std::size_t bound) {
  if (size > bound)
    throw std::invalid_argument(fmt::format("filter: {} {}; at most {} are taken", size, what, bound));
}

}  // namespace

struct Matcher::Compiled {
  Filter filter;
  std::unique_ptr<re2::RE2 const> expression;
  std::vector<CompiledTest> tests;  // point into filter
};

Matcher::Matcher(Filter filter) {
  check_size("loggers", filter.loggers.size(), kMaxAlternatives);
  check_size("hosts", filter.hosts.size(), kMaxAlternatives);
  check_size("processes", filter.processes.size(), kMaxAlternatives);
  check_size("pids", filter.pids.size(), kMaxAlternatives);
  check_size("field tests", filter.fields.size(), kMaxFieldTests);
  auto compiled = std::make_unique<Compiled>();
  compiled->filter = std::move(filter);
  if (!compiled->filter.regex.empty()) compiled->expression = compile(compiled->filter.regex);
  for (FieldTest const& test : compiled->filter.fields) {
    bool const expression = test.op == Operator::kMatches;
    compiled->tests.push_back({&test, expression ? compile(test.value) : nullptr,
                               expression ? std::nullopt : number_in(test.value)});
  }
  compiled_ = std::move(compiled);
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

Filter const& Matcher::filter() const noexcept { return compiled_->filter; }

bool Matcher::matches(Record const& record) const {
  Filter const& filter = compiled_->filter;
  if (filter.level && record.level < *filter.level) return false;
  if (filter.since && record.time < *filter.since) return false;
  if (filter.until && record.time >= *filter.until) return false;
  if (!filter.loggers.empty() &&
      std::none_of(filter.loggers.begin(), filter.loggers.end(),
                   [&](std::string const& p) { return in_logger(p, record.logger); })) {
    return false;
  }
  if (!any_glob(filter.hosts, record.host) || !any_glob(filter.processes, record.process)) return false;
  if (!filter.pids.empty() &&
      std::find(filter.pids.begin(), filter.pids.end(), record.pid) == filter.pids.end()) {
    return false;
  }
  if (!std::all_of(compiled_->tests.begin(), compiled_->tests.end(),
                   [&](CompiledTest const& test) { return test.matches(record); })) {
    return false;
  }
  return compiled_->expression == nullptr || found(*compiled_->expression, record.message) ||
         found(*compiled_->expression, record.exception);
}

std::vector<std::string> Matcher::topics() const {
  Filter const& filter = compiled_->filter;
  int const lowest = filter.level ? std::clamp(*filter.level / 10, 0, 5) : 0;
  auto const levels = static_cast<std::size_t>(6 - lowest);

  std::vector<std::string> prefixes;
  for (std::string const& logger : filter.loggers) {
    std::size_t const star = logger.find('*');
    std::string prefix = star != std::string::npos ? logger.substr(0, star)
                         : logger.empty()          ? ""
                                                   : logger + '.';
    prefix.resize(std::min(prefix.size(), kMaxTopic - 2));  // as live_topic() cuts it
    prefixes.push_back(std::move(prefix));
  }
  std::sort(prefixes.begin(), prefixes.end());
  // sorted, so that what is covered by a shorter one stands right behind it
  std::vector<std::string> kept;
  for (std::string& prefix : prefixes) {
    if (kept.empty() || !prefix.starts_with(kept.back())) kept.push_back(std::move(prefix));
  }
  if (kept.empty() || kept.size() * levels > kMaxPrefixes) kept = {""};

  std::vector<std::string> topics;
  for (int level = lowest; level <= 5; ++level) {
    for (std::string const& prefix : kept) topics.push_back(static_cast<char>('0' + level) + prefix);
  }
  return topics;
}

FieldTest parse_field_test(std::string_view text) {
  auto const refuse = [&](std::string_view why) {
    throw std::invalid_argument(
        fmt::format("field test {}: {}; write FIELD=VALUE with one of = != ~ < <= > >=", quoted(text), why));
  };
  std::size_t const at = text.find_first_of("=!~<>");
  if (at == std::string_view::npos) refuse("it has no operator");
  if (at == 0) refuse("it names no field");
  FieldTest test;
  test.field = text.substr(0, at);
  bool const wide = at + 1 < text.size() && text[at + 1] == '=';
  switch (text[at]) {
    case '!':
      if (!wide) refuse("after '!' stands '='");
      test.op = Operator::kNotEqual;
      break;
    case '<': test.op = wide ? Operator::kLessEqual : Operator::kLess; break;
    case '>': test.op = wide ? Operator::kGreaterEqual : Operator::kGreater; break;
    case '~': test.op = Operator::kMatches; break;
    default: test.op = Operator::kEqual; break;
  }
  test.value = text.substr(at + (wide && text[at] != '~' ? 2U : 1U));
  if (test.op == Operator::kMatches) (void)compile(test.value);
  return test;
}

}  // namespace logboom
