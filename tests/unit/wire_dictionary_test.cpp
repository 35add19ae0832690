// The bounded dictionary of sites and sources, and the table of references.
#include "record/dictionary.hpp"
#include "record/ref_table.hpp"

#include <gtest/gtest.h>

#include <string>

namespace logboom::wire {
namespace {

SiteKey site_key(std::string_view text, std::uint32_t line = 1) {
  return {20, "INFO", "app", text, "file", line, "function"};
}

TEST(DictionaryTest, EqualContentsAreOneObjectAndEveryPartCounts) {
  Dictionary dictionary;
  auto const one = dictionary.site(site_key("a {x}"));
  EXPECT_EQ(dictionary.site(site_key(std::string("a {x}"))), one);
  EXPECT_NE(dictionary.site(site_key("b {x}")), one);
  EXPECT_NE(dictionary.site(site_key("a {x}", 2)), one);
  EXPECT_EQ(one->site.template_text, "a {x}");
  EXPECT_EQ(one->message.arguments(), 1U);

  SourceKey key;
  key.thread = "main";
  auto const source = dictionary.source(key);
  EXPECT_EQ(dictionary.source(key), source);
  key.stream = 1;
  EXPECT_NE(dictionary.source(key), source);
}

TEST(DictionaryTest, StartsAfreshAtItsBounds) {
  Dictionary dictionary;
  auto const first = dictionary.site(site_key("a"));
  for (std::uint32_t line = 2; line <= Dictionary::kMaxSites + 1; ++line)
    (void)dictionary.site(site_key("a", line));
  EXPECT_NE(dictionary.site(site_key("a")), first);
  EXPECT_EQ(first->site.line, 1U);

  std::string const large(1U << 20U, 'x');
  auto const before = dictionary.site(site_key("b"));
  for (std::uint32_t line = 0; line <= 2 * Dictionary::kMaxBytes / large.size(); ++line)
    (void)dictionary.site(site_key(large, line));
  EXPECT_NE(dictionary.site(site_key("b")), before);

  SourceKey key;
  auto const source = dictionary.source(key);
  for (key.stream = 1; key.stream <= Dictionary::kMaxSources; ++key.stream) (void)dictionary.source(key);
  key.stream = 0;
  EXPECT_NE(dictionary.source(key), source);
}

TEST(RefTableTest, FindsWhatWasPutInUntilItIsCleared) {
  RefTable table;
  EXPECT_EQ(table.find(0), RefTable::kNone);
  for (std::uint32_t i = 0; i < 10'000; ++i) EXPECT_TRUE(table.insert(std::uint64_t{i} << 40U, i));
  EXPECT_FALSE(table.insert(0, 77));
  EXPECT_EQ(table.find(0), 77U);
  for (std::uint32_t i = 1; i < 10'000; ++i) ASSERT_EQ(table.find(std::uint64_t{i} << 40U), i);
  EXPECT_EQ(table.find(1), RefTable::kNone);
  EXPECT_EQ(table.size(), 10'000U);
  table.clear();
  EXPECT_EQ(table.find(0), RefTable::kNone);
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace logboom::wire
