// ctest: long timeout=300
// What must not compile, with the message that says why; what must; and what the headers must not drag in. Runs the compilers themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>

#include <stdlib.h>

namespace {

using testing::HasSubstr;
using testing::Not;

class Directory {
 public:
  Directory() : path_(std::filesystem::temp_directory_path() / "logboom-compile-XXXXXX") {
    std::string name = path_.native();
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int status = 0;
  std::string text;
};

class PublicHeaders : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (std::system(("command -v " + GetParam() + " >/dev/null").c_str()) != 0)
      GTEST_SKIP() << "no " << GetParam();
  }

  Outcome compile(std::string_view source, std::string_view options) const {
    Directory const directory;
    auto const file = directory.path() / "snippet.cpp";
    auto const output = directory.path() / "output";
    std::ofstream(file) << source;
    std::ostringstream command;
    command << GetParam() << " -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"
            << LOGBOOM_SOURCE_DIR << "/include " << options << ' ' << file << " >" << output << " 2>&1";
    int const status = std::system(command.str().c_str());
    std::ifstream in(output);
    return {status, std::string(std::istreambuf_iterator<char>(in), {})};
  }
};

constexpr std::string_view kPrologue = R"(
#include <logboom/logboom.hpp>
#include <chrono>
#include <exception>
struct Unknown {};
enum class Plain { one };
)";

struct Refused {
  std::string_view call;
  std::string_view message;
};
constexpr Refused kRefused[] = {
    {R"(LOGBOOM_INFO(log, "{} {}", 1);)", "the_template_has_more_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO(log, "{a} {b}", 1);)", "the_template_has_more_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO(log, "{}");)", "the_template_has_more_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO(log, "{}", 1, 2);)", "the_template_has_fewer_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO(log, "none", 1);)", "the_template_has_fewer_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO(log, "{a} {a}", 1, 2);)", "the_template_has_fewer_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO(log, "{1}", 1);)", "a_placeholder_has_a_number_beyond_the_arguments"},
    {R"(LOGBOOM_INFO(log, "{:d}", 1.5);)", "the_spec_does_not_fit_the_type_of_its_argument"},
    {R"(LOGBOOM_INFO(log, "{:.2f}", "text");)", "the_spec_does_not_fit_the_type_of_its_argument"},
    {R"(LOGBOOM_INFO(log, "{:.2f}", Plain::one);)", "the_spec_does_not_fit_the_type_of_its_argument"},
    {R"(LOGBOOM_INFO(log, "{:{}}", 1, 1.5);)",
     "a_width_or_precision_taken_from_an_argument_needs_an_integer"},
    {R"(LOGBOOM_INFO(log, "{", 1);)", "a_brace_is_not_closed_write_two_for_a_literal_one"},
    {R"(LOGBOOM_INFO(log, "}");)", "a_closing_brace_stands_alone_write_two_for_a_literal_one"},
    {R"(LOGBOOM_INFO(log, "{two words}", 1);)", "the_name_in_a_placeholder_is_not_an_identifier"},
    {R"(LOGBOOM_INFO(log, "{0} {}", 1, 2);)", "numbered_and_other_placeholders_cannot_be_mixed"},
    {R"(LOGBOOM_EXCEPTION(log, "{}", std::exception());)",
     "the_template_has_more_placeholders_than_arguments"},
    {R"(LOGBOOM_INFO_EVERY_N(10, log, "{}");)", "the_template_has_more_placeholders_than_arguments"},
    {R"(LOGBOOM_EVERY(std::chrono::seconds(1), log, 25, "{:d}", "x");)",
     "the_spec_does_not_fit_the_type_of_its_argument"},
    {R"(LOGBOOM_ONCE(log, 20, "none", 1);)", "the_template_has_fewer_placeholders_than_arguments"},
    {R"(LOGBOOM_LOG(log, 25, "{:d}", "x");)", "the_spec_does_not_fit_the_type_of_its_argument"},
};

TEST_P(PublicHeaders, RefuseEachWrongTemplateAndSayWhy) {
  std::string source(kPrologue);
  for (std::size_t i = 0; i < std::size(kRefused); ++i) {
    source +=
        "#line 1 \"call" + std::to_string(i) + "\"\nvoid f" + std::to_string(i) + "(logboom::Logger log) { ";
    source += std::string(kRefused[i].call) + " }\n";
  }
  Outcome const outcome =
      compile(source, GetParam() == "g++" ? "-fsyntax-only -fmax-errors=0" : "-fsyntax-only -ferror-limit=0");
  EXPECT_NE(outcome.status, 0);
  // Compilers keep to the order of the source: what is said of a call stands between its first mention and the next one's.
  for (std::size_t i = 0; i < std::size(kRefused); ++i) {
    std::size_t const begin = outcome.text.find("call" + std::to_string(i) + ":");
    ASSERT_NE(begin, std::string::npos) << "compiles: " << kRefused[i].call;
    std::size_t const end = outcome.text.find("call" + std::to_string(i + 1) + ":", begin);
    EXPECT_THAT(outcome.text.substr(begin, end - begin), HasSubstr(std::string(kRefused[i].message)))
        << kRefused[i].call;
  }
}

// Alone, so that the message cannot be another call's.
TEST_P(PublicHeaders, RefuseAnArgumentThatCannotBeLogged) {
  Outcome const outcome = compile(
      std::string(kPrologue) + R"(void f(logboom::Logger log) { LOGBOOM_INFO(log, "{}", Unknown{}); })",
      "-fsyntax-only");
  EXPECT_NE(outcome.status, 0);
  EXPECT_THAT(outcome.text, HasSubstr("cannot be logged; give it a fmt::formatter"));
}

TEST_P(PublicHeaders, RefuseSamplingByWhatIsNoNumberOrTime) {
  for (auto const& [call, message] :
       {Refused{R"(LOGBOOM_INFO_EVERY(1, log, "text");)",
                "the time between two records is a std::chrono::duration"},
        Refused{R"(LOGBOOM_INFO_EVERY_N(1.5, log, "text");)", "every how many-th call is an integer"}}) {
    Outcome const outcome =
        compile(std::string(kPrologue) + "void f(logboom::Logger log) { " + std::string(call) + " }",
                "-fsyntax-only");
    EXPECT_NE(outcome.status, 0);
    EXPECT_THAT(outcome.text, HasSubstr(std::string(message)));
  }
}

TEST_P(PublicHeaders, RefuseFieldsBeforeArguments) {
  Outcome const outcome =
      compile(std::string(kPrologue) +
                  R"(void f(logboom::Logger log) { LOGBOOM_INFO(log, "{}", logboom::field("a", 1), 2); })",
              "-fsyntax-only");
  EXPECT_NE(outcome.status, 0);
  EXPECT_THAT(outcome.text, HasSubstr("fields come after the template's arguments"));
}

TEST_P(PublicHeaders, CompileTheExampleAsItIsWritten) {
  Outcome const outcome = compile(R"(
#include <logboom/logboom.hpp>
#include <chrono>
#include <filesystem>
#include <stdexcept>
int main() {
  int cells = 1, k = 2; double ms = 0.5, r = 0.1; std::filesystem::path path = "x";
  logboom::Publisher bus;
  auto log = bus.logger("solver.grid");
  LOGBOOM_INFO(log, "solved {cells} cells in {ms:.1f} ms", cells, ms);
  LOGBOOM_WARNING(log, "residual {}", r, logboom::field("step", k), logboom::field("file", path));
  using namespace std::chrono_literals;
  LOGBOOM_INFO_EVERY_N(1000, log, "step {k}", k);
  LOGBOOM_DEBUG_EVERY(100ms, log, "step {k}", k, logboom::field("file", path));
  if (k > 1) LOGBOOM_WARNING_ONCE(log, "from here on"); else LOGBOOM_ERROR_EVERY(1.5s, log, "{}", r);
  LOGBOOM_EVERY_N(k, log, logboom::level::kError, "{} of {cells}", k, cells);
  LOGBOOM_EVERY(1s, log, 20 + k, "static");
  LOGBOOM_ONCE(log, logboom::level::kCritical, "{}", ms);
  try { throw std::runtime_error("x"); } catch (std::exception const& e) { LOGBOOM_EXCEPTION(log, "step failed", e); }
}
)",
                                  "-fsyntax-only");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
}

TEST_P(PublicHeaders, LeaveNothingOfACallBelowTheFloor) {
  constexpr std::string_view kSource = R"(
#define LOGBOOM_MIN_LEVEL 20
#include <logboom/log.hpp>
void f(logboom::Logger log, int i) {
  LOGBOOM_DEBUG(log, "the debug text {}", i);
  LOGBOOM_DEBUG_EVERY_N(10, log, "the debug text {}", i);
  LOGBOOM_DEBUG_ONCE(log, "the debug text {}", i);
  LOGBOOM_INFO(log, "the info text {}", i);
}
)";
  Outcome const outcome = compile(kSource, "-O1 -S -o -");
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_THAT(outcome.text, HasSubstr("the info text"));
  EXPECT_THAT(outcome.text, Not(HasSubstr("the debug text")));
}

// Each of these takes as long to compile as a good part of what is left: who logs does not pay for them.
TEST_P(PublicHeaders, BringNoHeavyStandardHeader) {
  for (std::string const header : {"log.hpp", "logboom.hpp"}) {
    Outcome const outcome = compile("#include <logboom/" + header + ">\n", "-M");
    ASSERT_EQ(outcome.status, 0) << outcome.text;
    EXPECT_THAT(outcome.text, HasSubstr("/string_view")) << "names are not looked for as they are written";
    std::istringstream names(outcome.text);
    for (std::string name; names >> name;) {
      EXPECT_THAT(
          std::filesystem::path(name).filename().string(),
          testing::Not(testing::AnyOf("algorithm", "atomic", "chrono", "condition_variable", "filesystem",
                                      "format", "fstream", "functional", "future", "iostream", "istream",
                                      "locale", "map", "memory", "mutex", "ostream", "ranges", "regex",
                                      "sstream", "thread", "unordered_map", "variant", "vector")))
          << header;
    }
  }
}

TEST_P(PublicHeaders, AreLight) {
  for (std::string const header : {"log.hpp", "logboom.hpp"}) {
    Outcome const outcome = compile("#include <logboom/" + header + ">\n", "-M");
    ASSERT_EQ(outcome.status, 0) << outcome.text;
    EXPECT_THAT(outcome.text, HasSubstr("fmt/core.h"));
    for (std::string const heavy : {"zmq", "msgpack", "sqlite", "SQLite", "fmt/ranges", "fmt/format.h",
                                    "fmt/chrono", "c++/12/filesystem"}) {
      EXPECT_THAT(outcome.text, Not(HasSubstr(heavy))) << header;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Compilers, PublicHeaders, testing::Values("g++", "clang++"),
                         [](auto const& parameter) { return parameter.param == "g++" ? "Gcc" : "Clang"; });

}  // namespace
