// See python_record.hpp. What becomes of each attribute of a LogRecord: docs/inputs.md.
#include "inputs/python_record.hpp"

#include "inputs/derived_names.hpp"
#include "inputs/exception_name.hpp"
#include "inputs/python_template.hpp"
#include "inputs/token_map.hpp"
#include "record/wire.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace logboom::inputs {
namespace {

using pickle::Kind;
using pickle::kNothing;

bool is_text(pickle::Node const& node) noexcept {
  return node.kind == Kind::kText || node.kind == Kind::kOldText;
}

bool is_none(pickle::Node const& node) noexcept { return node.kind == Kind::kNone; }

std::optional<double> number_of(pickle::Node const& node) noexcept {
  if (node.kind == Kind::kFloat && std::isfinite(node.number)) return node.number;
  if (node.kind == Kind::kInt) return static_cast<double>(node.integer);
  return std::nullopt;
}

}  // namespace

void PythonRecords::begin(Block& block) {
  block_ = &block;
  sites_.clear();
  sources_.clear();
}

void PythonRecords::take(std::span<std::byte const> pickle, std::string_view host, std::int64_t arrival) {
  Ref const root = reader_.read(pickle);
  auto const& graph = reader_.graph();
  Node const dictionary = graph[root];
  if (dictionary.kind != Kind::kDict) throw wire::FrameError("pickle: not the dictionary of a record");
  values_.begin();
  writer_.reset_budget();
  entry_ = {};
  entry_.time = arrival;
  record_ = {};
  fields_.clear();
  attributes_.clear();
  writer_.begin(*block_, entry_);
  Ref key = kNothing;
  graph.each(dictionary, [&](Ref ref) {
    if (key == kNothing) {
      key = ref;
      return true;
    }
    Node const& name = graph[key];
    key = kNothing;
    if (!is_text(name)) return true;  // **extra has none
    if (!take_known(name.text(), ref)) take_field(values_.clean(name), ref);
    return true;
  });
  take_message();
  derive();
  finish(host);
}

/// @return false: none of a record's own, or not of the type it ought to have: then it is a field
bool PythonRecords::take_known(std::string_view key, Ref value) {
  Node const& node = reader_.graph()[value];
  switch (key.size()) {
    case 3:
      if (key != "msg") return false;
      record_.msg = value;
      return true;
    case 4:
      if (key == "args") {
        record_.args = value;
        return true;
      }
      return key == "name" && take_text(value, record_.logger);
    case 5:
      if (key == "msecs") {
        record_.msecs = number_of(node);
        return record_.msecs.has_value();
      }
      return false;
    case 6:
      if (key == "lineno") return is_none(node) || take_line(value);
      if (key == "module") return is_none(node) || take_text(value, record_.module);
      if (key == "thread") return is_none(node) || take_natural(value, record_.tid);
      return false;
    case 7:
      if (key == "levelno") return take_level(value);
      if (key == "created") return take_time(value);
      if (key == "process") return is_none(node) || take_natural(value, record_.pid);
      if (key != "message") return false;
      record_.message = value;
      return true;
    case 8:
      if (key == "pathname") return is_none(node) || take_text(value, record_.file);
      if (key == "filename") return is_none(node) || take_text(value, record_.filename);
      if (key == "funcName") return is_none(node) || take_text(value, record_.function);
      if (key == "exc_info") return is_none(node);
      if (key == "exc_text") return is_none(node) || take_exception(value);
      return key == "taskName" && (is_none(node) || take_attribute_text("task", value));
    case 9: return key == "levelname" && take_text(value, record_.level_name);
    case 10:
      if (key == "stack_info") return is_none(node) || take_attribute_text("stack", value);
      return key == "threadName" && (is_none(node) || take_text(value, record_.thread));
    case 11:
      if (key != "processName") return false;
      if (is_none(node)) return true;
      if (!is_text(node)) return false;
      if (auto const name = values_.clean(node); name != "MainProcess") attribute("process_name", name);
      return true;
    case 15:
      if (auto const number = key == "relativeCreated" ? number_of(node) : std::nullopt) {
        attribute("relative_created", *number);
        return true;
      }
      return false;
    default: return false;
  }
}

bool PythonRecords::take_text(Ref value, std::string_view& member) {
  Node const& node = reader_.graph()[value];
  if (!is_text(node)) return false;
  member = values_.clean(node);
  return true;
}

/// A float holds microseconds of our time, and no more.
bool PythonRecords::take_time(Ref value) {
  constexpr double kLargest = 9.2e9;
  auto const seconds = number_of(reader_.graph()[value]);
  if (!seconds || !(std::abs(*seconds) < kLargest)) return false;
  record_.created = seconds;
  entry_.time = std::llrint(*seconds * 1e6) * 1000;  // half to even, as datetime.fromtimestamp()
  return true;
}

bool PythonRecords::take_natural(Ref value, std::uint64_t& member) {
  Node const& node = reader_.graph()[value];
  if (node.kind == Kind::kUint) {
    member = node.natural;
    return true;
  }
  if (node.kind != Kind::kInt) return false;
  member = static_cast<std::uint64_t>(node.integer);  // Python 2 has threads with negative numbers
  return true;
}

bool PythonRecords::take_line(Ref value) {
  Node const& node = reader_.graph()[value];
  if (node.kind != Kind::kInt || !std::in_range<std::uint32_t>(node.integer)) return false;
  record_.line = static_cast<std::uint32_t>(node.integer);
  return true;
}

bool PythonRecords::take_level(Ref value) {
  Node const& node = reader_.graph()[value];
  if (node.kind != Kind::kInt || !std::in_range<Level>(node.integer)) return false;
  record_.level = static_cast<Level>(node.integer);
  record_.has_level = true;
  return true;
}

bool PythonRecords::take_exception(Ref value) {
  std::string_view text;
  if (!take_text(value, text)) return false;
  writer_.known_attribute("exception", text_token(text));
  if (auto const type = exception_name(text); !type.empty())
    writer_.known_attribute("exception_type", text_token(type));
  return true;
}

bool PythonRecords::take_attribute_text(std::string_view key, Ref value) {
  std::string_view text;
  return take_text(value, text) && writer_.known_attribute(key, text_token(text));
}

void PythonRecords::take_field(std::string_view key, Ref value) {
  // What the writer only counts need not be made.
  bool const counted = fields_.size() >= wire::kMaxFields;
  fields_.emplace_back(key,
                       values_.value(counted ? pickle::Graph::kNone : value, counted ? "" : "/fields", key));
}

/// Stock handlers send the message as `msg` and no arguments. Whoever pickles the record as it is sends template and arguments, and the message if some
/// handler has formatted it before.
void PythonRecords::take_message() {
  auto const& graph = reader_.graph();
  auto const known = [&](Ref ref) { return ref != kNothing && !is_none(graph[ref]); };
  bool const with_args = known(record_.args) && known(record_.msg) &&
                         !(graph[record_.args].kind == Kind::kArray && graph[record_.args].size == 0);
  if (with_args && is_text(graph[record_.msg])) {
    auto const template_text = values_.clean(graph[record_.msg]);
    std::size_t const args = values_.value(record_.args, "/arguments");
    record_.template_text = template_text;
    if (known(record_.message) && is_text(graph[record_.message])) {
      writer_.message(values_.clean(graph[record_.message]));
    } else {
      writer_.message(render_percent(template_text, values_.tokens()[args]));
    }
    attribute("arguments", args);
    return;
  }
  Ref const shown = known(record_.msg) ? record_.msg : record_.message;
  if (!known(shown)) return;
  if (is_text(graph[shown])) {
    writer_.message(values_.clean(graph[shown]));
  } else {
    std::size_t const at = values_.value(shown);
    writer_.message(values_.tokens()[at]);
  }
}

/// Attributes that follow from others are kept only where they do not.
void PythonRecords::derive() {
  auto const& file = record_.file;
  if (!record_.filename.empty() && record_.filename != base_name(file) &&
      record_.filename != base_name(file, '\\'))
    attribute("filename", record_.filename);
  if (!record_.module.empty() &&
      record_.module != stem(record_.filename.empty() ? base_name(file) : record_.filename))
    attribute("module", record_.module);
  if (record_.msecs && !(record_.created && follows(*record_.msecs, *record_.created)))
    attribute("msecs", *record_.msecs);
}

void PythonRecords::attribute(std::string_view key, std::string_view text) {
  attribute(key, values_.own(text_token(text)));
}

void PythonRecords::attribute(std::string_view key, double number) {
  wire::Token token;
  token.kind = wire::Kind::kFloat64;
  token.number = number;
  attribute(key, values_.own(token));
}

void PythonRecords::finish(std::string_view host) {
  if (auto const types = values_.types()) attribute("types", *types);
  // Tokens are not made any more: they stay where they are from here on.
  wire::Token const* const tokens = values_.tokens();
  for (auto const& [key, at] : fields_) writer_.field(key, tokens[at]);
  for (auto const& [key, at] : attributes_) writer_.attribute(key, tokens[at]);
  (void)writer_.finish();
  entry_.site = site();
  entry_.source = source(host);
  block_->entries.push_back(entry_);
}

std::uint32_t PythonRecords::site() {
  if (!record_.has_level && !record_.level_name.empty())
    record_.level = parse_level(record_.level_name).value_or(level::kInfo);
  auto const name = record_.level_name.empty() ? level_name(record_.level) : record_.level_name;
  auto const interned = dictionary_.site({record_.level, name, record_.logger, record_.template_text,
                                          record_.file, record_.line, record_.function});
  auto const address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(interned.get()));
  if (auto const known = sites_.find(address); known != wire::RefTable::kNone) return known;
  auto const index = static_cast<std::uint32_t>(block_->sites.size());
  block_->sites.emplace_back(interned, &interned->site);
  sites_.insert(address, index);
  return index;
}

std::uint32_t PythonRecords::source(std::string_view host) {
  auto const interned = dictionary_.source({.publisher = {},
                                            .host = host,
                                            .process = {},
                                            .pid = record_.pid,
                                            .started = 0,
                                            .stream = 0,
                                            .tid = record_.tid,
                                            .thread = record_.thread});
  auto const address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(interned.get()));
  if (auto const known = sources_.find(address); known != wire::RefTable::kNone) return known;
  auto const index = static_cast<std::uint32_t>(block_->sources.size());
  block_->sources.push_back(interned);
  sources_.insert(address, index);
  return index;
}

}  // namespace logboom::inputs
