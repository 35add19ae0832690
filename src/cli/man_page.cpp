// Man pages, section by section. Must not know CLI11.
#include "cli/man_page.hpp"

#include "record/utf8.hpp"

#include <logboom/version.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace logboom::cli {
namespace {

constexpr std::string_view kExamples = "\n\nExamples:\n";
constexpr std::string_view kIndent = "    ";  // of a line that is shown as it is

/// Text for roff: no character of it commands anything, nor depends on how the file is taken to be encoded.
std::string plain(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (std::size_t at = 0; at < text.size();) {
    auto const c = decode_utf8(text, at);
    at += c.size;
    if (line_begins && (c.code == '.' || c.code == '\'')) out += "\\&";
    line_begins = c.code == '\n';
    if (c.code == '\\')
      out += "\\e";
    else if (c.code == '-')
      out += "\\-";
    else if (c.code < 0x80)
      out += static_cast<char>(c.code);
    else
      out += fmt::format("\\[u{:04X}]", static_cast<std::uint32_t>(c.code));
  }
  return out;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string head(std::string const& name, std::string const& about) {
  auto first = about;
  if (!first.empty())
    first.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(first.front())));
  if (first.ends_with('.')) first.pop_back();
  return fmt::format(".TH {} 1 \"\" \"logboom {}\" \"logboom\"\n.nh\n.ad l\n.SH NAME\n{} \\- {}\n",
                     plain(upper(name)), LOGBOOM_VERSION, plain(name), plain(first));
}

/// Paragraphs stand apart by an empty line; lines that begin with four blanks stay as they are.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool as_it_is = false;
  bool apart = false;
  while (!text.empty()) {
    auto const end = std::min(text.find('\n'), text.size());
    auto const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      apart = true;
      continue;
    }
    bool const example = line.starts_with(kIndent);
    if (as_it_is && !example) out += ".fi\n.RE\n";
    if (apart && !out.empty()) out += ".PP\n";
    if (!as_it_is && example) out += ".RS 4\n.nf\n";
    as_it_is = example;
    apart = false;
    out += plain(example ? line.substr(kIndent.size()) : line) + '\n';
  }
  return out + (as_it_is ? ".fi\n.RE\n" : "");
}

std::string value_of(OptionShape const& option) {
  if (option.value.empty()) return "";
  auto const name = option.value;
  if (name.starts_with('[')) return fmt::format("\\fI{}\\fR", plain(name));
  return fmt::format(" \\fI{}\\fR", plain(name));
}

std::string option_entry(OptionShape const& option) {
  std::string names;
  for (auto const& name : option.names)
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", plain(name));
  std::string entry = fmt::format(".TP\n{}{}\n{}", names, value_of(option), plain(option.about));
  if (option.kind == ValueKind::kChoice && option.about.find(option.choices.front()) == std::string::npos &&
      !option.choices.front().ends_with("/"))
    entry += plain(fmt::format(" ({})", fmt::join(option.choices, ", ")));
  if (!option.usual.empty()) entry += plain(fmt::format(" [{}]", option.usual));
  return entry + '\n';
}

std::string options(CommandShape const& command) {
  std::string text;
  for (auto const& positional : command.positionals) {
    text += fmt::format(".TP\n\\fI{}\\fR\n{}\n", plain(positional.value), plain(positional.about));
  }
  std::vector<std::string> groups;
  for (auto const& option : command.options) {
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) groups.push_back(option.group);
  }
  for (auto const& group : groups) {
    if (groups.size() > 1) text += fmt::format(".SS {}\n", plain(group));
    for (auto const& option : command.options) {
      if (option.group == group) text += option_entry(option);
    }
  }
  return text.empty() ? text : ".SH OPTIONS\n" + text;
}

std::string synopsis(CommandShape const& command) {
  auto text = fmt::format(".SH SYNOPSIS\n\\fBlogboom {}\\fR [\\fIOPTION\\fR\\&...]", plain(command.name));
  for (auto const& one : command.positionals) {
    auto const name = fmt::format("\\fI{}\\fR{}", plain(one.value), one.repeatable ? "\\&..." : "");
    text += one.required ? " " + name : " [" + name + "]";
  }
  return text + '\n';
}

constexpr auto kEnvironment = R"(.SH ENVIRONMENT
.TP
\fBLOGBOOM_ENDPOINT\fR
The collector's address, ipc://PATH or tcp://HOST[:PORT]; a publisher may have several, with commas between.
.TP
\fBLOGBOOM_LEVEL\fR
Level rules of publishers, such as info,etl.db=debug,net=off.
.TP
\fBLOGBOOM_SPOOL\fR
The directory of spools. Default: $XDG_STATE_HOME/logboom/spool.
.TP
\fBLOGBOOM_NAME\fR
The name of the process on its records.
.TP
\fBLOGBOOM_CLOCK\fR
What a log call reads as its clock: tsc, system, or auto (the counter where the kernel trusts it).
.TP
\fBXDG_RUNTIME_DIR\fR
Where the default address is: ipc://$XDG_RUNTIME_DIR/logboom/bus.
.TP
\fBNO_COLOR\fR
No colours, whatever the terminal.
)";

constexpr auto kStatus = R"(.SH EXIT STATUS
0 ok, 1 failed, 2 wrong usage, 3 no collector answers.
)";

}  // namespace

std::string program_page(CommandTree const& tree) {
  auto page = head("logboom", tree.program.about);
  page += ".SH SYNOPSIS\n\\fBlogboom\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR\\&...]\n.SH DESCRIPTION\n";
  page += paragraphs(tree.program.manual);
  page += ".SH COMMANDS\n";
  for (auto const& command : tree.commands)
    page += fmt::format(".TP\n\\fBlogboom\\-{}\\fR(1)\n{}\n", plain(command.name), plain(command.about));
  return page + options(tree.program) + kStatus + kEnvironment;
}

std::string command_page(CommandTree const& tree, CommandShape const& command) {
  auto page = head("logboom-" + command.name, command.about) + synopsis(command);
  std::string_view const manual = command.manual;
  auto const examples = manual.find(kExamples);
  page += ".SH DESCRIPTION\n" + paragraphs(manual.substr(0, examples)) + options(command);
  if (examples != std::string_view::npos)
    page += ".SH EXAMPLES\n" + paragraphs(manual.substr(examples + kExamples.size()));
  page += kStatus;
  page += ".SH SEE ALSO\n\\fBlogboom\\fR(1)";
  for (auto const& other : tree.commands) {
    if (other.name != command.name) page += fmt::format(R"(, \fBlogboom\-{}\fR(1))", plain(other.name));
  }
  return page + '\n';
}

}  // namespace logboom::cli
