# The imported target `zeromq`. Debian ships no CMake file for libzmq; this one is used by the build and,
# installed beside the package file, by those who link the static libraries.
if(NOT TARGET zeromq)
  find_library(ZEROMQ_LIBRARY zmq REQUIRED)
  find_path(ZEROMQ_INCLUDE_DIR zmq.h REQUIRED)
  mark_as_advanced(ZEROMQ_LIBRARY ZEROMQ_INCLUDE_DIR)
  add_library(zeromq UNKNOWN IMPORTED)
  set_target_properties(zeromq PROPERTIES IMPORTED_LOCATION "${ZEROMQ_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${ZEROMQ_INCLUDE_DIR}")
endif()
