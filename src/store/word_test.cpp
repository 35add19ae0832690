#include "store/word_test.hpp"

#include "store/text_index.hpp"

#include <logboom/query.hpp>

#include <SQLiteCpp/Database.h>
#include <fmt/core.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>

namespace logboom::store {

/// SQLite's own, so that a test without an index cannot differ from one with it.
class WordTest::Tokenizer {
 public:
  Tokenizer() : db_(":memory:", SQLite::OPEN_READWRITE) {
    fts5_api* api = find_api();
    void* context = nullptr;
    if (api == nullptr || api->xFindTokenizer(api, kTokenizer, &context, &methods_) != SQLITE_OK ||
        methods_.xCreate(context, nullptr, 0, &made_) != SQLITE_OK)
      throw StoreError(
          "this SQLite has no full-text search (FTS5): search with --grep, or use one that has it");
  }
  ~Tokenizer() { methods_.xDelete(made_); }
  Tokenizer(Tokenizer const&) = delete;
  Tokenizer& operator=(Tokenizer const&) = delete;

  std::vector<std::string> words(std::string_view text) const {
    std::vector<std::string> found;
    int const done = methods_.xTokenize(made_, &found, FTS5_TOKENIZE_DOCUMENT, text.data(),
                                        static_cast<int>(text.size()), take);
    if (done != SQLITE_OK) throw std::bad_alloc();
    return found;
  }

 private:
  static int take(void* found, int, char const* word, int size, int, int) {
    try {
      static_cast<std::vector<std::string>*>(found)->emplace_back(word, static_cast<std::size_t>(size));
      return SQLITE_OK;
    } catch (std::exception const&) {
      return SQLITE_NOMEM;
    }
  }

  fts5_api* find_api() {
    fts5_api* api = nullptr;
    sqlite3_stmt* select = nullptr;
    if (sqlite3_prepare_v2(db_.getHandle(), "SELECT fts5(?1)", -1, &select, nullptr) == SQLITE_OK) {
      sqlite3_bind_pointer(select, 1, &api, "fts5_api_ptr", nullptr);
      sqlite3_step(select);
    }
    sqlite3_finalize(select);
    return api;
  }

  SQLite::Database db_;
  fts5_tokenizer methods_{};
  Fts5Tokenizer* made_ = nullptr;
};

namespace {

std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (char const c : text) made += c == '"' ? std::string("\"\"") : std::string(1, c);
  return made + '"';
}

bool follow(std::vector<std::string> const& words, std::size_t at, std::vector<std::string> const& phrase,
            bool prefix) {
  if (words.size() - at < phrase.size()) return false;
  std::size_t const whole = phrase.size() - (prefix ? 1 : 0);
  for (std::size_t i = 0; i < whole; ++i) {
    if (words[at + i] != phrase[i]) return false;
  }
  return !prefix || words[at + whole].starts_with(phrase[whole]);
}

bool contains(std::vector<std::string> const& words, std::vector<std::string> const& phrase, bool prefix) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (follow(words, at, phrase, prefix)) return true;
  }
  return false;
}

}  // namespace

WordTest::WordTest(std::string_view words) : tokenizer_(std::make_unique<Tokenizer>()) {
  constexpr std::string_view kSpace = " \t\r\n";
  if (words.size() > kMaxWordsBytes)
    throw std::invalid_argument(
        fmt::format("text: {} bytes of words; give {} at most", words.size(), kMaxWordsBytes));
  auto const next_word = [&](std::string_view rest) {
    return rest.substr(std::min(rest.find_first_not_of(kSpace), rest.size()));
  };
  for (auto rest = next_word(words); !rest.empty(); rest = next_word(rest)) {
    bool const phrase = rest.front() == '"';
    if (phrase) rest.remove_prefix(1);
    std::size_t const end = phrase ? rest.find('"') : std::min(rest.find_first_of(" \t\r\n\""), rest.size());
    if (end == std::string_view::npos)
      throw std::invalid_argument(fmt::format("text: the quote in '{}' is not closed", words));
    auto text = rest.substr(0, end);
    rest.remove_prefix(phrase ? end + 1 : end);
    bool prefix = !phrase && text.ends_with('*');
    if (prefix) text.remove_suffix(1);
    if (phrase && rest.starts_with('*')) {
      prefix = true;
      rest.remove_prefix(1);
    }
    add(text, prefix);
  }
  if (phrases_.empty())
    throw std::invalid_argument("text: no word; give some, such as: timeout \"solver failed\" conn*");
}

void WordTest::add(std::string_view text, bool prefix) {
  auto found = tokenizer_->words(text);
  if (found.empty())
    throw std::invalid_argument(fmt::format(
        "text: '{}' has neither letter nor digit; search for it with a regular expression", text));
  phrases_.push_back({std::move(found), prefix});
  expression_ += fmt::format("{}{}{}", expression_.empty() ? "" : " ", quoted(text), prefix ? " *" : "");
}

WordTest::~WordTest() = default;
WordTest::WordTest(WordTest&&) noexcept = default;
WordTest& WordTest::operator=(WordTest&&) noexcept = default;

bool WordTest::matches(Record const& record) const {
  std::array const texts{tokenizer_->words(record.message), tokenizer_->words(record.exception)};
  return std::all_of(phrases_.begin(), phrases_.end(), [&](Phrase const& phrase) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](auto const& words) { return contains(words, phrase.words, phrase.prefix); });
  });
}

}  // namespace logboom::store
