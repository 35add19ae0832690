// The version of these headers. CMakeLists.txt reads the three numbers from here: this is their only place.
#pragma once

#define LOGBOOM_VERSION_MAJOR 0
#define LOGBOOM_VERSION_MINOR 1
#define LOGBOOM_VERSION_PATCH 0
#define LOGBOOM_VERSION "0.1.0"
