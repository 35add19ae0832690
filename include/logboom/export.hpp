// Marks what the shared libraries export; everything else is built with hidden visibility.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define LOGBOOM_API __attribute__((visibility("default")))
#define LOGBOOM_HIDDEN \
  __attribute__((visibility("hidden")))  // a class within an exported one would be exported with it
#else
#define LOGBOOM_API
#define LOGBOOM_HIDDEN
#endif
