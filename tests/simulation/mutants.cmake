# Copies of the sources that mutations.cmake changes, all mutations of a source in one copy, in force one at a time; and the list of their names.
set(_mutant_names "")
set(_mutant_files "")

# Any number of pairs of FIND and REPLACE.
function(mutation name file)
  list(LENGTH _mutant_names number)
  math(EXPR number "${number} + 1")
  list(APPEND _mutant_names "${name}")
  set(_mutant_names "${_mutant_names}" PARENT_SCOPE)
  string(MAKE_C_IDENTIFIER "_text_${file}" text)
  if(NOT DEFINED ${text})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${file}")
    file(READ "${PROJECT_SOURCE_DIR}/src/${file}" ${text})
    list(APPEND _mutant_files "${file}")
    set(_mutant_files "${_mutant_files}" PARENT_SCOPE)
  endif()
  set(source "${${text}}")
  set(at 2)
  while(at LESS ARGC)
    math(EXPR to "${at} + 1")
    set(find "${ARGV${at}}")
    string(REPLACE "MUTATED" "(logboom_mutation == ${number})" replace "${ARGV${to}}")
    string(FIND "${source}" "${find}" first)
    string(FIND "${source}" "${find}" last REVERSE)
    if(first EQUAL -1 OR NOT first EQUAL last)
      message(FATAL_ERROR "mutation ${name}: its text is not in src/${file} exactly once: ${find}")
    endif()
    string(REPLACE "${find}" "${replace}" source "${source}")
    math(EXPR at "${at} + 2")
  endwhile()
  set(${text} "${source}" PARENT_SCOPE)
endfunction()

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/mutations.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/mutations.cmake")

set(_mutants "")
foreach(_file IN LISTS _mutant_files)
  string(MAKE_C_IDENTIFIER "_text_${_file}" _text)
  cmake_path(GET _file FILENAME _name)
  set(_mutant "${CMAKE_CURRENT_BINARY_DIR}/mutants/${_name}")
  # Written only when it differs, so that not all is compiled again with each configuration.
  set(_before "")
  if(EXISTS "${_mutant}")
    file(READ "${_mutant}" _before)
  endif()
  set(_after "extern int logboom_mutation;\n${${_text}}")
  if(NOT _before STREQUAL _after)
    file(WRITE "${_mutant}" "${_after}")
  endif()
  list(APPEND _mutants "${_mutant}")
endforeach()
list(TRANSFORM _mutant_names REPLACE "(.+)" "\"\\1\"" OUTPUT_VARIABLE _quoted)
list(JOIN _quoted ",\n    " _quoted)
file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/mutants/names.cpp" @ONLY CONTENT
[[#include <span>
#include <string_view>

int logboom_mutation = 0;

namespace logboom::simulation {
static constexpr std::string_view kNames[] = {
    @_quoted@};
std::span<std::string_view const> source_mutations() { return kNames; }
}  // namespace logboom::simulation
]])
