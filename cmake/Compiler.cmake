# Language, warnings and sanitizers: the same for every target of this project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(LOGBOOM_CCACHE ccache)
mark_as_advanced(LOGBOOM_CCACHE)
if(LOGBOOM_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LOGBOOM_CCACHE}")
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -fdiagnostics-color=auto)
if(LOGBOOM_WERROR)
  add_compile_options(-Werror)
endif()

# Sanitizers have to be in every object and every link.
if(LOGBOOM_SANITIZE STREQUAL "address")
  # vptr: looks at a pointer by means of a pipe, so that it takes any for bad where a test has used up the descriptors.
  set(_sanitize -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(LOGBOOM_SANITIZE STREQUAL "thread")
  set(_sanitize -fsanitize=thread -fno-omit-frame-pointer)
elseif(LOGBOOM_SANITIZE)
  message(FATAL_ERROR "LOGBOOM_SANITIZE is \"${LOGBOOM_SANITIZE}\"; known are address and thread")
endif()
if(LOGBOOM_SANITIZE)
  add_compile_options(${_sanitize})
  # g++ takes what a sanitizer adds to a variant's destructor for reads of what was never written.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  add_link_options(${_sanitize})
endif()

if(LOGBOOM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "LOGBOOM_FUZZ needs clang (cmake --preset fuzz)")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# What ctest gives to every test of a sanitized build.
set(LOGBOOM_SANITIZER_ENVIRONMENT "")
if(LOGBOOM_SANITIZE STREQUAL "address")
  # detect_odr_violation: each of the libraries contains what they share; a program that links two has it twice.
  list(APPEND LOGBOOM_SANITIZER_ENVIRONMENT
       "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:detect_odr_violation=0"
       "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
       "LSAN_OPTIONS=print_suppressions=0:suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp")
elseif(LOGBOOM_SANITIZE STREQUAL "thread")
  list(APPEND LOGBOOM_SANITIZER_ENVIRONMENT
       "TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp")
endif()
