// The commands of `logboom`, one file each. Each function adds its command to the app; CLI11 calls it back once the line is parsed.
// A command ends by returning (exit code 0) or by throwing: Failure, ExitWith, or what the libraries throw (main.cpp says which code they become).
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace logboom::cli {

// Exit codes, the same for every command.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;

/// Ends the command; what() is `<thing>: <reason>; <mend>`, one line, which main() prints after `logboom: `.
class Failure : public std::runtime_error {
 public:
  Failure(int code, std::string const& line) : std::runtime_error(line), code_(code) {}
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Ends the command without a word.
struct ExitWith {
  int code;
};

/// `logboom: LINE` on stderr. What steers a terminal comes out escaped: parts of a line may come from a peer or a file. That nobody reads stderr any
/// more is not an error.
void tell(std::string_view line);

/// What `--help` of a command says below its options: what it does, and examples (lines of four blanks and a command) if there are any.
std::string manual(std::string_view about, std::string_view examples = {});

void add_collect(CLI::App& app);
void add_completion(CLI::App& app);
void add_keygen(CLI::App& app);
void add_level(CLI::App& app);
void add_tail(CLI::App& app);
void add_man(CLI::App& app);
void add_query(CLI::App& app);
void add_recover(CLI::App& app);
void add_repair(CLI::App& app);
void add_run(CLI::App& app);
void add_send(CLI::App& app);
void add_status(CLI::App& app);
void add_demo(CLI::App& app);
void add_doctor(CLI::App& app);
void add_verify(CLI::App& app);

}  // namespace logboom::cli
