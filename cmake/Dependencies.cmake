# Third-party libraries, all from the distribution, all as imported (hence SYSTEM) targets:
#   fmt::fmt  zeromq  re2  msgpack-cxx  SQLiteCpp  zstd::libzstd_shared  CLI11::CLI11  tomlplusplus::tomlplusplus  nlohmann_json::nlohmann_json
# fmt is part of the public interface (fmt/core.h is reachable from the public headers); the others are private.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(zstd REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(nlohmann_json REQUIRED)

# The distribution's CMake files of these are absent or drag in Boost.
include("${CMAKE_CURRENT_LIST_DIR}/logboom-zeromq.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/logboom-re2.cmake")

find_path(MSGPACK_INCLUDE_DIR msgpack.hpp REQUIRED)
find_path(CPPZMQ_INCLUDE_DIR zmq.hpp REQUIRED)
mark_as_advanced(MSGPACK_INCLUDE_DIR CPPZMQ_INCLUDE_DIR)
add_library(msgpack-cxx INTERFACE IMPORTED)
target_include_directories(msgpack-cxx INTERFACE "${MSGPACK_INCLUDE_DIR}")
target_compile_definitions(msgpack-cxx INTERFACE MSGPACK_NO_BOOST MSGPACK_DEFAULT_API_VERSION=3)
