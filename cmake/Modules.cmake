# The three ways in which sources become libraries.
#
#   logboom_module(record SOURCES a.cpp b.cpp LINK fmt::fmt msgpack-cxx)
#       the OBJECT library logboom_record, from src/record/CMakeLists.txt. LINK names everything its sources use.
#       Without sources nothing is declared, nor is what depends on the module.
#   logboom_archive(logboom_all MODULES record spool …)
#       an uninstalled STATIC library of the modules' objects (tests, benchmarks, the command).
#   logboom_library(publisher MODULES record spool …)
#       the exported libraries logboom::publisher (shared) and logboom::publisher_static.

# For work on a part of the tree: configure with -DLOGBOOM_MODULES="record;spool" and only these exist.
set(LOGBOOM_MODULES "" CACHE STRING "Modules to configure; empty means all")

function(logboom_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "logboom_module(${name}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SOURCES OR (LOGBOOM_MODULES AND NOT name IN_LIST LOGBOOM_MODULES))
    message(STATUS "module ${name}: no sources")
    return()
  endif()
  add_library(logboom_${name} OBJECT ${arg_SOURCES})
  if(LOGBOOM_FAULTS)  # for the sources that have such places alone: nothing else is compiled otherwise for it
    foreach(_source IN LISTS arg_SOURCES)
      file(STRINGS "${CMAKE_CURRENT_SOURCE_DIR}/${_source}" _has REGEX "^#include \"posix/fault_point.hpp\"" LIMIT_COUNT 1)
      if(_has)
        set_property(SOURCE "${_source}" APPEND PROPERTY COMPILE_DEFINITIONS LOGBOOM_FAULTS)
      endif()
    endforeach()
  endif()
  target_include_directories(logboom_${name} PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(logboom_${name} PRIVATE Threads::Threads ${arg_LINK})
  set_property(TARGET logboom_${name} PROPERTY LOGBOOM_LINK ${arg_LINK})
endfunction()

# Sets objects and links in the caller: what those of MODULES that exist consist of; missing: those that do not.
function(_logboom_collect modules)
  set(objects "")
  set(links "")
  set(missing "")
  foreach(module IN LISTS modules)
    if(TARGET logboom_${module})
      list(APPEND objects $<TARGET_OBJECTS:logboom_${module}>)
      get_target_property(link logboom_${module} LOGBOOM_LINK)
      if(link)
        list(APPEND links ${link})
      endif()
    else()
      list(APPEND missing ${module})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES links)
  set(objects "${objects}" PARENT_SCOPE)
  set(links "${links}" PARENT_SCOPE)
  set(missing "${missing}" PARENT_SCOPE)
endfunction()

function(logboom_archive target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "MODULES")
  _logboom_collect("${arg_MODULES}")
  if(objects)
    add_library(${target} STATIC ${objects})
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} ${scope} fmt::fmt Threads::Threads ${links})
endfunction()

function(logboom_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "MODULES")
  _logboom_collect("${arg_MODULES}")
  if(missing)
    list(JOIN missing ", " missing)
    message(STATUS "logboom::${name} is not declared: no sources in ${missing}")
    return()
  endif()
  # Header-only libraries leave no trace in a built one, so that only these stay to be linked.
  set(private "")
  foreach(link IN ITEMS zeromq re2 SQLiteCpp zstd::libzstd_shared tomlplusplus::tomlplusplus)
    if(link IN_LIST links)
      list(APPEND private ${link})
    endif()
  endforeach()

  set_property(GLOBAL PROPERTY LOGBOOM_${name}_LINKS "${private}")  # for logboom-config.cmake

  add_library(logboom_lib_${name} SHARED ${objects})
  add_library(logboom_lib_${name}_static STATIC ${objects})
  set_target_properties(
    logboom_lib_${name} PROPERTIES
    EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  set_target_properties(logboom_lib_${name}_static PROPERTIES EXPORT_NAME ${name}_static)
  add_library(logboom::${name} ALIAS logboom_lib_${name})
  add_library(logboom::${name}_static ALIAS logboom_lib_${name}_static)

  # Nothing of the static third-party archives is exported, and nothing is left undefined
  # (clang links its sanitizers into the executable only, so that there it must be).
  target_link_options(
    logboom_lib_${name} PRIVATE LINKER:--exclude-libs,ALL
    "LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map")
  set_property(TARGET logboom_lib_${name} APPEND PROPERTY LINK_DEPENDS "${PROJECT_SOURCE_DIR}/cmake/exports.map")
  if(NOT LOGBOOM_SANITIZE AND NOT LOGBOOM_FUZZ)
    target_link_options(logboom_lib_${name} PRIVATE LINKER:-z,defs)
  endif()

  foreach(target IN ITEMS logboom_lib_${name} logboom_lib_${name}_static)
    set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME logboom_${name})
    target_compile_features(${target} INTERFACE cxx_std_20)
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
    target_link_libraries(${target} PUBLIC fmt::fmt Threads::Threads PRIVATE ${private})
  endforeach()
  install(TARGETS logboom_lib_${name} logboom_lib_${name}_static EXPORT logboom
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
          ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
          INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

  # pkg-config: logboom.pc is the publisher, the others are logboom-NAME.pc.
  set(pc_name logboom-${name})
  if(name STREQUAL "publisher")
    set(pc_name logboom)
  endif()
  set(pc_private -lpthread)
  if("zeromq" IN_LIST private)
    list(APPEND pc_private -lzmq)
  endif()
  if("re2" IN_LIST private)
    list(APPEND pc_private -lre2)
  endif()
  if("SQLiteCpp" IN_LIST private)
    list(APPEND pc_private -lSQLiteCpp -lsqlite3)
  endif()
  if("zstd::libzstd_shared" IN_LIST private)
    list(APPEND pc_private -lzstd)
  endif()
  if("tomlplusplus::tomlplusplus" IN_LIST private)
    list(APPEND pc_private -ltomlplusplus)
  endif()
  list(JOIN pc_private " " pc_private)
  file(RELATIVE_PATH pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/library.pc.in" "${PROJECT_BINARY_DIR}/${pc_name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${pc_name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
