// Findings, one a line. Must not know how anything is found out.
#include "cli/diagnosis.hpp"

#include "record/terminal_text.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace logboom::cli {

void Diagnosis::add(char const* state, std::string_view check, std::string const& found,
                    std::string const& mend) {
  if (std::string_view(state) != "ok") ++troubles_;
  findings_.push_back(Json{{"check", check}, {"state", state}, {"found", found}, {"mend", mend}});
  if (!lines_) return;
  std::string line;
  append_harmless_line(
      fmt::format("{:<8} {:<12} {}{}{}", state, check, found, mend.empty() ? "" : "; ", mend), line);
  fmt::print("{}\n", line);
  std::fflush(stdout);  // the next check may take a while
}

Json Diagnosis::json() const {
  auto all = Json::object();
  all["ok"] = all_ok();
  all["checks"] = findings_;
  return all;
}

}  // namespace logboom::cli
