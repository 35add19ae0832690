// Who may do what, by public key: the file or directory of authorised keys (docs/security.md). Must not know sockets.
#pragma once

#include "curve/key.hpp"
#include "curve/rights.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace logboom::curve {

struct AuthorizedKey {
  Rights rights;
  std::string name;   // the rest of its line; the beginning of the key where there is none
  std::string place;  // file:line
};

/// A line is `publish,view,control KEY what people call it`; empty ones, and those that begin with `#`, are left out.
class AuthorizedKeys {
 public:
  static constexpr std::size_t kMaxKeys = 65'536;
  static constexpr std::size_t kMaxFile = 8U << 20U;  // bytes
  static constexpr std::size_t kMaxFiles = 4'096;     // of a directory
  static constexpr std::size_t kMaxName = 64;         // bytes; longer ones are cut

  /// A file, or all files of a directory but those whose names begin with `.` or end in `~`.
  /// @throws KeyError with file and line; also when others than this user and root may write there
  static AuthorizedKeys read(std::string const& path);

  /// Adds the lines of a text. @param file for messages. @throws KeyError: FILE:LINE: reason; mend
  void add(std::string_view text, std::string const& file);

  /// nullptr: nobody knows it.
  AuthorizedKey const* find(std::string_view key) const;
  std::size_t size() const noexcept { return keys_.size(); }

  /// Whether somebody has a right here and not there.
  bool more_than(AuthorizedKeys const& other) const;

 private:
  void add_line(std::string_view line, std::string const& place);

  std::map<std::string, AuthorizedKey, std::less<>> keys_;
};

}  // namespace logboom::curve
