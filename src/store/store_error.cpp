#include "store/store_error.hpp"

#include <fmt/core.h>
#include <sqlite3.h>

namespace logboom {

StoreError::~StoreError() = default;

namespace store {
namespace {

struct Diagnosis {
  StoreError::Kind kind;
  char const* mend;
};

Diagnosis diagnose(int code, int extended) {
  using Kind = StoreError::Kind;
  switch (code) {
    case SQLITE_FULL: return {Kind::kTransient, "make room on its file system"};
    case SQLITE_IOERR:
      return {Kind::kTransient, "look at its file system (space, quota, file-size limit, kernel log)"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return {Kind::kTransient, "end the program that keeps it locked"};
    case SQLITE_NOMEM: return {Kind::kTransient, "free memory"};
    case SQLITE_INTERRUPT: return {Kind::kTransient, "try again"};
    case SQLITE_CANTOPEN:
      return {Kind::kTransient, "check its directory's permissions and the limit of open files"};
    case SQLITE_READONLY:
      if (extended == SQLITE_READONLY_DBMOVED) return {Kind::kMoved, "open it again"};
      return {Kind::kUnusable, "make it and its directory writable, or name another file"};
    case SQLITE_PERM:
    case SQLITE_AUTH: return {Kind::kUnusable, "check the permissions of it and its directory"};
    case SQLITE_NOTADB:
      return {
          Kind::kDamaged,
          "it is no SQLite file or its header is damaged: name another file, or salvage what is in it with "
          "`logboom repair`"};
    case SQLITE_CORRUPT:
    // Rows that contradict each other.
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return {Kind::kDamaged, "it is damaged: `logboom repair` salvages what can be read"};
    default: return {Kind::kUnusable, "check it with `logboom verify`"};
  }
}

}  // namespace

StoreError store_error(std::string const& path, char const* doing, SQLite::Exception const& cause) {
  Diagnosis const found = diagnose(cause.getErrorCode(), cause.getExtendedErrorCode());
  return StoreError(fmt::format("cannot {} {}: {} (SQLite {}); {}", doing, path, cause.what(),
                                cause.getExtendedErrorCode(), found.mend),
                    found.kind);
}

}  // namespace store
}  // namespace logboom
