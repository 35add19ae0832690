# What `cmake --install` puts where, beside the libraries (Modules.cmake) and the command (src/CMakeLists.txt).
include(CMakePackageConfigHelpers)

set(_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/logboom")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/logboom" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(TARGET logboom::publisher)
  install(EXPORT logboom NAMESPACE logboom:: FILE logboom-targets.cmake DESTINATION "${_package_dir}")
  foreach(_library IN ITEMS publisher collector viewer)
    get_property(LOGBOOM_${_library}_LINKS GLOBAL PROPERTY LOGBOOM_${_library}_LINKS)
  endforeach()
  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/logboom-config.cmake.in"
                                "${PROJECT_BINARY_DIR}/logboom-config.cmake" INSTALL_DESTINATION "${_package_dir}")
  # Until 1.0 a new minor version may break.
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/logboom-config-version.cmake"
                                   COMPATIBILITY SameMinorVersion)
  install(FILES "${PROJECT_BINARY_DIR}/logboom-config.cmake" "${PROJECT_BINARY_DIR}/logboom-config-version.cmake"
                "${PROJECT_SOURCE_DIR}/cmake/logboom-zeromq.cmake" "${PROJECT_SOURCE_DIR}/cmake/logboom-re2.cmake"
          DESTINATION "${_package_dir}")
endif()
