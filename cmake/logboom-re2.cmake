# The imported target `re2`. Debian ships no CMake file for RE2; this one is used by the build and,
# installed beside the package file, by those who link the static libraries.
if(NOT TARGET re2)
  find_library(RE2_LIBRARY re2 REQUIRED)
  find_path(RE2_INCLUDE_DIR re2/re2.h REQUIRED)
  mark_as_advanced(RE2_LIBRARY RE2_INCLUDE_DIR)
  add_library(re2 UNKNOWN IMPORTED)
  set_target_properties(re2 PROPERTIES IMPORTED_LOCATION "${RE2_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${RE2_INCLUDE_DIR}")
endif()
