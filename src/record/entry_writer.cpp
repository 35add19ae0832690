// See entry_writer.hpp.
#include "record/entry_writer.hpp"

#include "record/value_text.hpp"
#include "record/wire.hpp"

#include <algorithm>
#include <utility>

namespace logboom::wire {
namespace {

constexpr std::string_view kLeftOut = "…";  // field that counts those left out
constexpr std::string_view kArguments = "arguments";
constexpr std::size_t kPlainMessage =
    256;  // bytes of the template that stand for the message once the budget is spent

// What rendering costs beyond the bytes it makes, in bytes: a placeholder, and an exception that fmt throws.
constexpr std::size_t kPlaceholderCost = 32;
constexpr std::size_t kUnsuitableCost = 1024;

std::string_view view(TextBuffer const& buffer) noexcept { return {buffer.data(), buffer.size()}; }

std::size_t text_bytes(Token const& value) noexcept {
  if (!value.is_container()) return value.kind >= Kind::kText ? value.size : 0;
  std::size_t total = 0;
  for (Token const* at = &value; at != after(&value); ++at) {
    if (at->kind == Kind::kText || at->kind == Kind::kBytes || at->kind == Kind::kExtension)
      total += at->size;
  }
  return total;
}

void cut(TextBuffer& text, std::size_t size) {
  std::size_t const kept = cut_at_character(view(text), size).size();
  std::size_t const lost = text.size() - kept;
  text.resize(kept);
  fmt::format_to(fmt::appender(text), "…[cut {} bytes]", lost);
}

}  // namespace

void EntryWriter::Pairs::clear() noexcept {
  list.clear();
  named = values = bytes = 0;
  left_out = 0;
}

void EntryWriter::begin(Block& block, Entry& entry) noexcept {
  block_ = &block;
  entry_ = &entry;
  overrides_ = {};
  fields_.clear();
  attributes_.clear();
}

void EntryWriter::message(Template const& text, std::string_view template_text, Token const& arguments) {
  std::size_t const count = std::min<std::size_t>(arguments.size, Template::kMaxArguments);
  Token const* at = &arguments + 1;
  for (std::size_t i = 0; i < count; ++i, at = after(at)) arguments_[i] = at;
  std::span<Token const* const> const known(arguments_.data(), count);

  bool shown = true;
  if (template_text.empty()) {
    if (count > 0) message(*arguments_[0]);
    shown = arguments.size <= 1;
  } else if (budget_.exhausted()) {
    message(cut_at_character(template_text, kPlainMessage));
    shown = arguments.size == 0;
  } else {
    text_.clear();
    Template::Outcome const outcome = text.render(known, text_);
    budget_.spend(text_.size() + text.placeholders() * kPlaceholderCost + outcome.unsuitable * kUnsuitableCost);
    shown = outcome.complete && text.shows_all() && arguments.size <= text.arguments();
    if (text_.size() > Template::kMaxRendered) cut(text_, Template::kMaxRendered);
    message(view(text_));
    name_arguments(text, known);
  }
  if (!shown) add(attributes_, kArguments, arguments);
  attributes_.named = attributes_.list.size();
}

void EntryWriter::name_arguments(Template const& text, std::span<Token const* const> arguments) {
  auto const keys = text.keys();
  std::size_t const count = std::min(keys.size(), arguments.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (keys[i].name.empty()) continue;
    budget_.spend(keys[i].name.size());
    add(fields_, keys[i].name, *arguments[i], &keys[i]);
  }
  fields_.named = fields_.list.size();
}

void EntryWriter::message(std::string_view text) { entry_->message = keep_clean(text); }

void EntryWriter::message(Token const& value) {
  if (value.kind == Kind::kText) return message(value.text());
  text_.clear();
  append_value(text_, value);
  message(view(text_));
}

void EntryWriter::fields(Token const& map) { add_all(fields_, map); }

void EntryWriter::field(std::string_view key, Token const& value) { add(fields_, key, value); }

void EntryWriter::attributes(Token const& map) {
  Token const* const end = after(&map);
  for (Token const* key = &map + 1; key != end;) {
    Token const& value = *after(key);
    std::string_view const name = key_of(*key);
    if (!known_attribute(name, value)) add(attributes_, name, value);
    key = after(&value);
  }
}

void EntryWriter::attribute(std::string_view key, Token const& value) { add(attributes_, key, value); }

bool EntryWriter::known_attribute(std::string_view key, Token const& value) {
  if (value.kind == Kind::kInt) return known_number(key, value.integer);
  if (value.kind != Kind::kText) return false;
  if (key == "template") {
    overrides_.template_text = keep_clean(value.text());
    return true;
  }
  if (key == "thread") {
    overrides_.thread = keep_clean(value.text());
    return true;
  }
  std::string_view* const member = key == "exception"        ? &entry_->exception
                                   : key == "exception_type" ? &entry_->exception_type
                                   : key == "stack"          ? &entry_->stack
                                   : key == "task"           ? &entry_->task
                                   : key == "level_name"     ? &overrides_.level_name
                                   : key == "file"           ? &overrides_.file
                                   : key == "function"       ? &overrides_.function
                                                             : nullptr;
  if (member == nullptr) return false;
  *member = keep_clean(value.text());
  return true;
}

bool EntryWriter::known_number(std::string_view key, std::int64_t number) {
  if (key == "time") {
    entry_->time = number;
  } else if (key == "level" && std::in_range<Level>(number)) {
    overrides_.level = static_cast<Level>(number);
  } else if (key == "line" && std::in_range<std::uint32_t>(number)) {
    overrides_.line = static_cast<std::uint32_t>(number);
  } else if (key == "pid" && number >= 0) {
    overrides_.pid = static_cast<std::uint64_t>(number);
  } else if (key == "tid" && number >= 0) {
    overrides_.tid = static_cast<std::uint64_t>(number);
  } else {
    return false;
  }
  return true;
}

EntryWriter::Overrides EntryWriter::finish() {
  write(fields_, entry_->fields_json, entry_->fields_msgpack);
  write(attributes_, entry_->attributes_json, entry_->attributes_msgpack);
  return overrides_;
}

void EntryWriter::add_all(Pairs& pairs, Token const& map) {
  Token const* const end = after(&map);
  for (Token const* key = &map + 1; key != end;) {
    Token const& value = *after(key);
    add(pairs, key_of(*key), value);
    key = after(&value);
  }
}

void EntryWriter::add(Pairs& pairs, std::string_view key, Token const& value, FieldKey const* ready) {
  for (std::size_t i = 0; i < pairs.list.size(); ++i) {
    Pair& known = pairs.list[i];
    if (known.value == nullptr || known.key != key) continue;
    if (i >= pairs.named) return;
    known.value = nullptr;
    break;
  }
  pairs.values += static_cast<std::size_t>(after(&value) - &value) + 1;
  pairs.bytes += key.size() + text_bytes(value);
  if (pairs.list.size() >= kMaxFields || pairs.values > kMaxValues || pairs.bytes > kMaxFieldBytes) {
    ++pairs.left_out;
    return;
  }
  pairs.list.push_back({key, &value, ready});
}

std::string_view EntryWriter::key_of(Token const& key) {
  if (key.kind == Kind::kText || key.kind == Kind::kBytes) return key.text();
  TextBuffer scratch;
  return block_->arena.copy(key_text(key, scratch));
}

std::string_view EntryWriter::keep_clean(std::string_view text) {
  if (is_clean(text)) return block_->arena.copy(text);
  TextBuffer cleaned;
  append_clean(cleaned, text);
  return block_->arena.copy(view(cleaned));
}

void EntryWriter::put_key(Pair const& pair) {
  json_.push_back(json_.size() == 0 ? '{' : ',');
  if (pair.ready != nullptr) {
    append(json_, pair.ready->json);
    append(msgpack_, pair.ready->msgpack);
    return;
  }
  append_json_string(json_, pair.key);
  json_.push_back(':');
  append_msgpack_text(msgpack_, pair.key);
}

void EntryWriter::write(Pairs const& pairs, std::string_view& json, std::string_view& msgpack) {
  auto const live = [](Pair const& pair) { return pair.value != nullptr; };
  auto const count = static_cast<std::size_t>(std::count_if(pairs.list.begin(), pairs.list.end(), live));
  if (count == 0 && pairs.left_out == 0) return;
  json_.clear();
  msgpack_.clear();
  append_msgpack_map(msgpack_, count + (pairs.left_out > 0 ? 1 : 0));
  auto const put = [&](Pair const& pair) {
    put_key(pair);
    append_json(json_, *pair.value);
    append_msgpack(msgpack_, *pair.value);
  };
  for (Pair const& pair : pairs.list) {
    if (live(pair)) put(pair);
  }
  if (pairs.left_out > 0) {
    Token number;
    number.kind = Kind::kInt;
    number.integer = pairs.left_out;
    put({kLeftOut, &number});
  }
  json_.push_back('}');
  json = block_->arena.copy(view(json_));
  msgpack = block_->arena.copy(view(msgpack_));
}

}  // namespace logboom::wire
