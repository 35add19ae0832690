// Marks what the shared libraries export; everything else is built with hidden visibility.
#pragma once

#if defined(__GNUC__) || defined(__clang__)
#define LOGBOOM_API __attribute__((visibility("default")))
#else
#define LOGBOOM_API
#endif
