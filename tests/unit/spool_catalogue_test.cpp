// The catalogue: what call sites and loggers said, read without their process; torn or damaged, it loses only the entries hit.
#include "spool/catalogue_file.hpp"
#include "spool_fixture.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

namespace logboom::spool {
namespace {

using namespace test;

class Catalogue : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "catalogue"; }
  void write_entries(int count) {
    std::filesystem::remove(file());
    CatalogueFile catalogue = CatalogueFile::create(file());
    for (int i = 0; i < count; ++i) {
      std::string const text = "template " + std::to_string(i) + " {}";
      catalogue.append_site({static_cast<std::uint64_t>(i), 20 + i, "INFO", text, "file.cpp", "function",
                             static_cast<std::uint32_t>(i)});
      catalogue.append_logger(static_cast<std::uint64_t>(i), "logger." + std::to_string(i));
    }
  }
  int known(int count) {
    SpooledCatalogue const catalogue = SpooledCatalogue::load(file());
    int whole = 0;
    for (int i = 0; i < count; ++i) {
      auto const ref = static_cast<std::uint64_t>(i);
      whole += catalogue.site(ref).template_text == "template " + std::to_string(i) + " {}" ? 1 : 0;
      whole += catalogue.logger(ref) == "logger." + std::to_string(i) ? 1 : 0;
    }
    return whole;
  }

  TemporaryDirectory directory_;
};

TEST_F(Catalogue, GivesBackWhatWasAppended) {
  write_entries(5);
  SpooledCatalogue const catalogue = SpooledCatalogue::load(file());
  EXPECT_TRUE(catalogue.damage().empty());
  wire::CallSite const site = catalogue.site(3);
  EXPECT_EQ(site.ref, 3U);
  EXPECT_EQ(site.level, 23);
  EXPECT_EQ(site.level_name, "INFO");
  EXPECT_EQ(site.template_text, "template 3 {}");
  EXPECT_EQ(site.file, "file.cpp");
  EXPECT_EQ(site.function, "function");
  EXPECT_EQ(site.line, 3U);
  EXPECT_EQ(catalogue.logger(4), "logger.4");
}

TEST_F(Catalogue, AReferenceItLacksGivesATextThatSaysSo) {
  write_entries(1);
  SpooledCatalogue const catalogue = SpooledCatalogue::load(file());
  EXPECT_NE(catalogue.site(99).template_text.find("lost"), std::string_view::npos);
  EXPECT_EQ(catalogue.logger(99), "logboom.lost");
}

TEST_F(Catalogue, TornAtEveryByteItKeepsWhatIsWhole) {
  write_entries(3);
  std::vector<char> const good = read_file(file());
  int last = 0;
  for (std::size_t size = 0; size <= good.size(); ++size) {
    write_file(file(), std::span(good).first(size));
    int const now = known(3);
    ASSERT_GE(now, last);
    ASSERT_LE(now, last + 1);
    last = now;
  }
  EXPECT_EQ(last, 6);
}

TEST_F(Catalogue, AFlippedBitCostsItsEntry) {
  write_entries(3);
  std::vector<char> const good = read_file(file());
  for (std::size_t bit = 16 * 8; bit < good.size() * 8; ++bit) {
    std::vector<char> bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(file(), bad);
    ASSERT_EQ(known(3), 5) << bit;
  }
}

TEST_F(Catalogue, LongTextsAreCut) {
  CatalogueFile catalogue = CatalogueFile::create(file());
  std::string const text(1'000'000, 'x');
  catalogue.append_site({1, 20, text, text, text, text, 1});
  catalogue.append_logger(1, text);
  SpooledCatalogue const read = SpooledCatalogue::load(file());
  EXPECT_EQ(read.site(1).template_text, text.substr(0, read.site(1).template_text.size()));
  EXPECT_GT(read.site(1).template_text.size(), 10'000U);
  EXPECT_GT(read.logger(1).size(), 1000U);
}

TEST_F(Catalogue, WhatCannotBeWrittenThrowsAndLeavesNoTrace) {
  pid_t const child = ::fork();
  if (child == 0) {
    CatalogueFile catalogue = CatalogueFile::create(file());
    catalogue.append_logger(1, "before");
    rlimit const limit = {100, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      catalogue.append_logger(2, std::string(500, 'x'));
      ::_exit(1);
    } catch (std::system_error const& error) {
      if (error.code() != std::errc::file_too_large) ::_exit(2);
    }
    catalogue.append_logger(3, "after");
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  SpooledCatalogue const read = SpooledCatalogue::load(file());
  EXPECT_EQ(read.logger(1), "before");
  EXPECT_EQ(read.logger(2), "logboom.lost");
  EXPECT_EQ(read.logger(3), "after");
  EXPECT_TRUE(read.damage().empty());
}

TEST_F(Catalogue, AMissingOrForeignFileIsAnEmptyOneWithAWord) {
  EXPECT_NE(SpooledCatalogue::load(file()).damage().find(file().string()), std::string::npos);
  write_file(file(), std::string_view("something else altogether"));
  EXPECT_NE(SpooledCatalogue::load(file()).damage().find(file().string()), std::string::npos);
}

}  // namespace
}  // namespace logboom::spool
