// Preloaded into a program under test: lets calls that write fail with the error that a control file says, for files below one directory. A disk that breaks, without one.
//
//   LOGBOOM_TEST_DISK        the control file, mapped: u32 error of writes (0: none), u32 of syncs, u32 every how many calls, u32 failed so far
//   LOGBOOM_TEST_DISK_UNDER  the directory
//
// Of all calls that write only those are here that the program makes: pwrite and write, fsync and fdatasync, ftruncate, fallocate.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Control {
  std::atomic<std::uint32_t> write_error, sync_error, every, failed;
};

struct Faults {
  Control* control = nullptr;
  char const* under = nullptr;
  std::atomic<std::uint32_t> calls{0};

  Faults() {
    char const* const path = std::getenv("LOGBOOM_TEST_DISK");
    under = std::getenv("LOGBOOM_TEST_DISK_UNDER");
    if (path == nullptr || under == nullptr) return;
    int const fd = ::open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* const at = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at != MAP_FAILED) control = static_cast<Control*>(at);
  }

  bool concerns(int fd) const {
    char link[64];
    char path[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t const size = ::readlink(link, path, sizeof path - 1);
    if (size <= 0) return false;
    path[size] = '\0';
    return std::strncmp(path, under, std::strlen(under)) == 0;
  }

  /// @return whether the call is to fail, with errno set
  bool strikes(int fd, std::atomic<std::uint32_t> Control::*which) {
    if (control == nullptr) return false;
    std::uint32_t const error = (control->*which).load();
    if (error == 0 || !concerns(fd)) return false;
    std::uint32_t const every = control->every.load();
    if (every > 1 && ++calls % every != 0) return false;
    ++control->failed;
    errno = static_cast<int>(error);
    return true;
  }
};

Faults& faults() {
  static Faults& the = *new Faults;
  return the;
}

template <class Function>
Function* next(Function* /*of this type*/, char const* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define NEXT(name) (static_cast<decltype(&::name)>(next(&::name, #name)))

extern "C" {

ssize_t write(int fd, void const* data, size_t size) {
  static auto* const real = NEXT(write);
  return faults().strikes(fd, &Control::write_error) ? -1 : real(fd, data, size);
}

ssize_t pwrite(int fd, void const* data, size_t size, off_t at) {
  static auto* const real = NEXT(pwrite);
  return faults().strikes(fd, &Control::write_error) ? -1 : real(fd, data, size, at);
}

ssize_t pwrite64(int fd, void const* data, size_t size, off64_t at) {
  static auto* const real = NEXT(pwrite64);
  return faults().strikes(fd, &Control::write_error) ? -1 : real(fd, data, size, at);
}

int fsync(int fd) {
  static auto* const real = NEXT(fsync);
  return faults().strikes(fd, &Control::sync_error) ? -1 : real(fd);
}

int fdatasync(int fd) {
  static auto* const real = NEXT(fdatasync);
  return faults().strikes(fd, &Control::sync_error) ? -1 : real(fd);
}

int ftruncate(int fd, off_t size) noexcept {
  static auto* const real = NEXT(ftruncate);
  return faults().strikes(fd, &Control::write_error) ? -1 : real(fd, size);
}

int ftruncate64(int fd, off64_t size) noexcept {
  static auto* const real = NEXT(ftruncate64);
  return faults().strikes(fd, &Control::write_error) ? -1 : real(fd, size);
}

int posix_fallocate(int fd, off_t from, off_t size) {
  static auto* const real = NEXT(posix_fallocate);
  return faults().strikes(fd, &Control::write_error) ? errno : real(fd, from, size);
}

}  // extern "C"
