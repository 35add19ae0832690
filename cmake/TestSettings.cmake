# Properties of a test come from its own file: a line that starts with `// ctest:` or `# ctest:` (within the first
# forty lines) followed by any of
#   serial          runs alone: what measures time or fills the machine
#   long            label `long`: left out where only the quicker tests run
#   timeout=N       seconds, instead of the default
#   processors=N    how many of ctest's jobs it counts for
function(logboom_test_settings test file)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT" "LABELS;ENVIRONMENT")
  set(labels ${arg_LABELS})
  set(timeout ${arg_TIMEOUT})
  set(serial FALSE)
  set(processors 1)
  file(STRINGS "${file}" lines LIMIT_INPUT 8192 REGEX "^(//|#) ctest:")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^(//|#) ctest:[ \t]*" "" line "${line}")
    separate_arguments(words UNIX_COMMAND "${line}")
    foreach(word IN LISTS words)
      if(word STREQUAL "serial")
        set(serial TRUE)
      elseif(word STREQUAL "long")
        list(APPEND labels long)
      elseif(word MATCHES "^timeout=([0-9]+)$")
        set(timeout ${CMAKE_MATCH_1})
      elseif(word MATCHES "^processors=([0-9]+)$")
        set(processors ${CMAKE_MATCH_1})
      else()
        message(FATAL_ERROR "${file}: unknown word \"${word}\" in its ctest line (see cmake/TestSettings.cmake)")
      endif()
    endforeach()
  endforeach()
  if(LOGBOOM_SANITIZE)
    math(EXPR timeout "${timeout} * 4")
  endif()
  # A sanitizer's report about a process that a system test started must not get lost in that process's stderr:
  # it goes to a file, which ./dev test looks for.
  set(environment ${arg_ENVIRONMENT})
  foreach(variable IN LISTS LOGBOOM_SANITIZER_ENVIRONMENT)
    if("system" IN_LIST labels)
      string(APPEND variable ":log_path=${PROJECT_BINARY_DIR}/sanitizer/report")
    endif()
    list(APPEND environment "${variable}")
  endforeach()
  # No test sees its user's settings or touches his spools.
  list(APPEND environment "XDG_STATE_HOME=${PROJECT_BINARY_DIR}/test-state")
  set_tests_properties(
    ${test} PROPERTIES
    LABELS "${labels}" TIMEOUT ${timeout} RUN_SERIAL ${serial} PROCESSORS ${processors}
    ENVIRONMENT "${environment}"
    ENVIRONMENT_MODIFICATION
    "LOGBOOM_ENDPOINT=unset:;LOGBOOM_LEVEL=unset:;LOGBOOM_SPOOL=unset:;LOGBOOM_NAME=unset:;NO_COLOR=unset:")
endfunction()

if(LOGBOOM_SANITIZE)
  file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/sanitizer")
endif()
