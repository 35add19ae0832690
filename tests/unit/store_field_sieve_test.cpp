// Field tests asked of a store: what SQLite passes by must be what the matcher refuses, whatever is in a field and however it came to be written.
#include "store_fixture.hpp"

#include "record/json.hpp"
#include "record/wire.hpp"
#include "store/field_sieve.hpp"
#include "store/has_text.hpp"
#include "store/regex_literal.hpp"
#include "store/store_reader.hpp"

#include <logboom/filter.hpp>
#include <logboom/query.hpp>

#include <gmock/gmock.h>

#include <msgpack.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <stdexcept>

namespace logboom::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Operator = FieldTest::Operator;

std::vector<AnyText> sieve(std::string_view test) { return field_sieve(parse_field_test(test)); }

TEST(FieldSieve, TextIsLookedForAsJsonWritesIt) {
  EXPECT_THAT(sieve("user=anna"), ElementsAre(AnyText{R"("user":"anna")"}));
  EXPECT_THAT(sieve("user="), ElementsAre(AnyText{R"("user":"")"}));
  EXPECT_THAT(sieve("http.path=a\"b\\c\nd"), ElementsAre(AnyText{R"("http.path":"a\"b\\c\nd")"}));
  EXPECT_THAT(sieve("user=Zoë"), ElementsAre(AnyText{R"("user":"Zoë")"}));
  EXPECT_THAT(sieve("user=\xff"), ElementsAre(AnyText{R"("user")"}));
  EXPECT_THAT(sieve("user=inf"), ElementsAre(AnyText{R"("user")"}));
}

TEST(FieldSieve, ValuesThatAreNoTextMayBeMeant) {
  EXPECT_THAT(sieve("ok=true"), ElementsAre(AnyText{R"("ok":"true")", R"("ok":true)"}));
  EXPECT_THAT(sieve("ok=null"), ElementsAre(AnyText{R"("ok":"null")", R"("ok":null)"}));
  EXPECT_THAT(sieve("list=[1,2]"), ElementsAre(AnyText{R"("list")"}));
}

TEST(FieldSieve, WholeNumbersHaveFewForms) {
  EXPECT_THAT(sieve("n=500"), ElementsAre(AnyText{R"("n":500)", R"("n":"500")"}));
  EXPECT_THAT(sieve("n=-1250000"),
              ElementsAre(AnyText{R"("n":-1250000)", R"("n":"-1250000")", R"("n":-1.25e+06)"}));
  EXPECT_THAT(sieve("n=100000"), ElementsAre(AnyText{R"("n":100000)", R"("n":"100000")", R"("n":1e+05)"}));
  for (char const* other : {"n=0", "n=1.5", "n=05", "n=1e3", "n=1234567890123456", "n=1e999"})
    EXPECT_THAT(sieve(other), ElementsAre(AnyText{R"("n")"})) << other;
}

TEST(FieldSieve, ExpressionsAreLookedForByWhatTheyBeginWith) {
  EXPECT_THAT(sieve("user~^user42"), ElementsAre(AnyText{R"("user":"user42)"}));
  EXPECT_THAT(sieve("user~^an+a"), ElementsAre(AnyText{R"("user":"a)"}));
  EXPECT_THAT(sieve("ok~^tr"), ElementsAre(AnyText{R"("ok":"tr)", R"("ok":true)"}));
  EXPECT_THAT(sieve("path~/tmp/.*"),
              ElementsAre(AnyText{R"("path":)"}, AnyText{"/tmp/", R"("path":[)", R"("path":{)"}));
  for (char const* other : {"n~^5", "n~^-", "n~e.5", "n~.a", "n~^a|b", "n~(?i)a", "n~ab|c", "n~a*", "n~"})
    EXPECT_THAT(sieve(other), ElementsAre(AnyText{R"("n")"})) << other;
}

TEST(RegexLiteral, IsInEveryMatch) {
  EXPECT_EQ(literal_of("wrote größe"), "wrote größe");
  EXPECT_EQ(literal_of("^wrote \\d+ rows"), "wrote ");
  EXPECT_EQ(literal_of("wrotes? "), "wrote");
  EXPECT_EQ(literal_of("abc{0}"), "ab");
  EXPECT_EQ(literal_of("gr\xc3\xb6*"), "gr") << "a character of two bytes is taken away whole";
  for (char const* other : {"a|b", "^", "(?i)a", "\\bword", ".a", "a*", "[ab]", ""})
    EXPECT_EQ(literal_of(other), "") << other;
}

TEST(FieldSieve, OthersAreSievedByTheirNameAtMost) {
  EXPECT_THAT(sieve("n<5"), ElementsAre(AnyText{R"("n")"}));
  EXPECT_THAT(sieve("n!=5"), IsEmpty());
  EXPECT_THAT(sieve("größe=5"), IsEmpty());
  EXPECT_THAT(sieve("a\"b=5"), IsEmpty());
}

TEST(HasText, GoesByBytesAndTakesNullForNone) {
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE);
  declare_has_text(db);
  auto const has = [&](char const* arguments) {
    return db.execAndGet(fmt::format("SELECT has_text({})", arguments)).getInt();
  };
  EXPECT_EQ(has("'Zoë and Anna', 'ë and'"), 1);
  EXPECT_EQ(has("'anna', 'Anna'"), 0);
  EXPECT_EQ(has("'ann', 'anna'"), 0);
  EXPECT_EQ(has("'anna', 'anna'"), 1);
  EXPECT_EQ(has("NULL, 'a'"), 0);
  EXPECT_EQ(has("'', 'a'"), 0);
  EXPECT_EQ(has("x'616263', 'bc'"), 1);
}

/// Records whose fields and attributes have few names and values that are easily taken for each other; and tests of them.
class Cases {
 public:
  explicit Cases(std::uint64_t seed) : random_(seed) {}

  std::unique_ptr<Block> block(std::size_t records) {
    auto block = std::make_unique<Block>();
    for (std::size_t i = 0; i < records; ++i) {
      auto const frame = record();
      wire::take_plain(std::as_bytes(std::span(frame.data(), frame.size())), wire::Form::kPlainMsgpack, 1,
                       "host", *block);
    }
    return block;
  }

  /// Of a value that one of the records has, often.
  FieldTest test(std::vector<Record> const& records) {
    constexpr Operator kAll[] = {Operator::kEqual,       Operator::kEqual,    Operator::kMatches,
                                 Operator::kMatches,     Operator::kNotEqual, Operator::kLess,
                                 Operator::kGreaterEqual};
    FieldTest test{name(), kAll[below(std::size(kAll))], text()};
    Record const& record = records[below(records.size())];
    if (auto const* const value = find_field(record, test.field); value != nullptr && below(3) != 0) {
      auto const* const said = std::get_if<std::string>(&value->data());
      test.value = said != nullptr ? *said : "";
      auto const* const number = std::get_if<double>(&value->data());
      if (number != nullptr && below(2) == 0)
        test.value = fmt::format("{:.0f}", *number);
      else if (said == nullptr)
        write_json(*value, test.value);
    }
    if (test.op == Operator::kMatches) test.value = expression(test.value);
    return test;
  }

 private:
  using Buffer = msgpack::sbuffer;
  using Packer = msgpack::packer<Buffer>;

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string_view record() {
    buffer_.clear();
    Packer packer(buffer_);
    // What is no attribute by its name is a field, and `task` is a column of its own.
    std::size_t const fields = below(4);
    packer.pack_map(static_cast<std::uint32_t>(1 + fields));
    packer.pack("fields");
    packer.pack_map(static_cast<std::uint32_t>(fields));
    for (std::size_t i = 0; i < fields; ++i) {
      packer.pack(name());
      put_value(packer, 0);
    }
    for (std::size_t i = 0; i < fields; ++i) {
      packer.pack(i == 0 ? "relative_created" : name());
      put_value(packer, 0);
    }
    return {buffer_.data(), buffer_.size()};
  }

  std::string name() {
    char const* const names[] = {"n", "user", "relative_created", "http.path", "größe", "a\"b"};
    return names[below(std::size(names))];
  }

  std::string text() {
    char const* const known[] = {"",         "true", "null", "1", "1.0", "100000",    "1e+05",
                                 "10000000", "inf",  "-0",   "n", "[1]", R"({"n":1})"};
    if (below(2) == 0) return known[below(std::size(known))];
    char const* const parts[] = {"a", "u",      "0",    "5", "\"", "\\",    "\n",
                                 "é", "\u0085", "\xff", "/", ":",  "\"n\":"};
    std::string made;
    for (std::size_t i = below(4); i < 4; ++i) made += parts[below(std::size(parts))];
    return made;
  }

  double number() {
    double const made[] = {0.0,         -0.0,       1.0,  0.5,  1e5,  1e7, 1.25e6,
                           123456789.0, 16777216.0, 1e16, 1e30, -5.0, 0.1, -100000.0};
    return made[below(std::size(made))];
  }

  void put_value(Packer& packer, int depth) {
    switch (below(depth == 0 ? 10 : 8)) {
      case 0: packer.pack_nil(); break;
      case 1: below(2) == 0 ? packer.pack_true() : packer.pack_false(); break;
      case 2: packer.pack(static_cast<std::int64_t>(std::min(number(), 1e15))); break;
      case 3: put_number<std::uint64_t>(buffer_, '\xcb', number()); break;
      case 4: put_number<std::uint32_t>(buffer_, '\xca', static_cast<float>(number())); break;
      case 5: packer.pack_uint64(std::numeric_limits<std::uint64_t>::max() - below(3)); break;
      case 8: put_list(packer); break;
      case 9: put_map(packer); break;
      default: put_text(packer, text());
    }
  }

  // Not pack_double() and pack_float(): those make an integer of 1.0.
  template <typename Bits, typename Number>
  static void put_number(Buffer& buffer, char kind, Number value) {
    buffer.write(&kind, 1);
    auto const bits = std::bit_cast<Bits>(value);
    for (unsigned shift = 8 * sizeof bits; shift > 0; shift -= 8) {
      char const byte = static_cast<char>(bits >> (shift - 8));
      buffer.write(&byte, 1);
    }
  }

  static void put_text(Packer& packer, std::string const& text) {
    packer.pack_str(static_cast<std::uint32_t>(text.size()));
    packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
  }

  void put_list(Packer& packer) {
    auto const size = static_cast<std::uint32_t>(below(3));
    packer.pack_array(size);
    for (std::uint32_t i = 0; i < size; ++i) put_value(packer, 1);
  }

  void put_map(Packer& packer) {
    packer.pack_map(1);
    packer.pack(name());
    put_value(packer, 1);
  }

  /// One that compiles, most of it out of the text.
  std::string expression(std::string const& value) {
    char const* const quantifiers[] = {"*", "+", "?", "{0,1}", ".*", "$", "|5", ""};
    std::string made = below(2) == 0 ? "^" : "";
    std::size_t const begin = made.empty() && !value.empty() ? below(value.size()) : 0;
    made += value.substr(begin, 1 + below(5)) + quantifiers[below(std::size(quantifiers))];
    return made;
  }

  std::mt19937_64 random_;
  Buffer buffer_;
};

class FieldSieveOfStoreTest : public StoreTest {
 protected:
  static std::vector<Record> ask(StoreReader const& reader, Query const& query) {
    std::vector<Record> found;
    reader.query(query, [&](Record const& record) {
      found.push_back(record);
      return true;
    });
    return found;
  }
};

std::vector<std::int64_t> ids(std::vector<Record> const& records) {
  std::vector<std::int64_t> ids;
  for (Record const& record : records) ids.push_back(record.id);
  return ids;
}

TEST_F(FieldSieveOfStoreTest, FindsWhatTheMatcherTakesOfAllRecords) {
  auto const seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Cases cases(seed);
  {
    StoreWriter writer(path, {});
    writer.write(blocks_of(cases.block(250)));
  }
  StoreReader const reader(path);
  auto const all = ask(reader, {});
  ASSERT_EQ(all.size(), 250U);
  std::size_t found = 0;
  for (int i = 0; i < 1'000; ++i) {
    Query query;
    query.filter.fields = {cases.test(all)};
    std::optional<Matcher> matcher;
    try {
      matcher.emplace(query.filter);
    } catch (std::invalid_argument const&) {
      continue;  // no expression
    }
    std::vector<std::int64_t> expected;
    for (Record const& record : all) {
      if (matcher->matches(record)) expected.push_back(record.id);
    }
    query.last = i % 2 == 0 ? 0 : all.size();
    FieldTest const& test = query.filter.fields[0];
    ASSERT_EQ(ids(ask(reader, query)), expected)
        << test.field << " op " << static_cast<int>(test.op) << " " << test.value;
    found += expected.size();
  }
  EXPECT_GT(found, 5'000U);
}

}  // namespace
}  // namespace logboom::store
