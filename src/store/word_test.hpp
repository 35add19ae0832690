// Whether a record has all of some words: as an expression for the full-text index, and as a test where there is none, with one meaning.
// Must not know files.
#pragma once

#include <logboom/record.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::store {

inline constexpr std::size_t kMaxWordsBytes = 4'096;

/// Words are runs of letters and digits, without case and diacritics, as SQLite's tokenizer `unicode61` has them. "…" and what hangs together by other signs ("time-out") are
/// phrases: their words one behind the other. `word*` is any word that begins so. Each has to be in the message or in the exception.
/// For one thread at a time.
class WordTest {
 public:
  /// @throws std::invalid_argument (no word in it, too long, a quote that is not closed)
  explicit WordTest(std::string_view words);
  ~WordTest();
  WordTest(WordTest&&) noexcept;
  WordTest& operator=(WordTest&&) noexcept;

  /// For `record_text MATCH`.
  std::string const& expression() const noexcept { return expression_; }
  bool matches(Record const& record) const;

 private:
  struct Phrase {
    std::vector<std::string> words;
    bool prefix = false;  // of the last one
  };
  void add(std::string_view text, bool prefix);

  class Tokenizer;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<Phrase> phrases_;
  std::string expression_;
};

}  // namespace logboom::store
