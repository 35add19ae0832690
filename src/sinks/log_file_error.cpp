// Reasons and mends: see log_file_error.hpp.
#include "sinks/log_file_error.hpp"

#include <fmt/format.h>

#include <cerrno>

namespace logboom::sinks {
namespace {

std::string_view mend_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "make room on its file system";
    case EFBIG: return "raise the limit of a file's size (ulimit -f), or rotate at less";
    case EACCES:
    case EPERM: return "let this user write the file and its directory, or name another file";
    case EROFS: return "name a file on a file system that can be written";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    case ENOTDIR: return "make each directory in its name a directory, or name another file";
    case EISDIR:
    case ENXIO: return "name a regular file";
    case EEXIST: return "somebody else made a file of that name; let one process alone rotate it";
    default: return "look after its file system, or name another file";
  }
}

}  // namespace

LogFileError LogFileError::about(int error, std::string_view what, std::string_view path) {
  return {error, fmt::format("cannot {} {}: {}; {}", what, path, std::generic_category().message(error),
                             mend_of(error))};
}

}  // namespace logboom::sinks
