#include "store/zstd_vfs.hpp"

#include "store/seekable_zstd.hpp"

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <system_error>

namespace logboom::store {
namespace {

constexpr char const* kName = "logboom-zstd";

struct CompressedFile : sqlite3_file {
  SeekableReader* reader;
};

SeekableReader& reader_of(sqlite3_file* file) { return *static_cast<CompressedFile*>(file)->reader; }

int close(sqlite3_file* file) {
  delete static_cast<CompressedFile*>(file)->reader;
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 at) {
  std::span const wanted(static_cast<std::byte*>(into), static_cast<std::size_t>(size));
  try {
    std::size_t const got = reader_of(file).read(at, wanted);
    if (got == wanted.size()) return SQLITE_OK;
    std::memset(wanted.data() + got, 0, wanted.size() - got);
    return SQLITE_IOERR_SHORT_READ;
  } catch (SeekableError const&) {
    return SQLITE_CORRUPT;
  } catch (std::bad_alloc const&) {
    return SQLITE_IOERR_NOMEM;
  } catch (std::exception const&) {
    return SQLITE_IOERR_READ;
  }
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  *size = reader_of(file).size();
  return SQLITE_OK;
}

int write(sqlite3_file*, void const*, int, sqlite3_int64) { return SQLITE_READONLY; }
int truncate(sqlite3_file*, sqlite3_int64) { return SQLITE_READONLY; }
int sync(sqlite3_file*, int) { return SQLITE_OK; }
int lock(sqlite3_file*, int) { return SQLITE_OK; }
int unlock(sqlite3_file*, int) { return SQLITE_OK; }
int check_reserved_lock(sqlite3_file*, int* held) {
  *held = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4'096; }
int characteristics(sqlite3_file*) { return SQLITE_IOCAP_IMMUTABLE; }

sqlite3_io_methods const kMethods = [] {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = close;
  methods.xRead = read;
  methods.xWrite = write;
  methods.xTruncate = truncate;
  methods.xSync = sync;
  methods.xFileSize = file_size;
  methods.xLock = lock;
  methods.xUnlock = unlock;
  methods.xCheckReservedLock = check_reserved_lock;
  methods.xFileControl = file_control;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = characteristics;
  return methods;
}();

int open(sqlite3_vfs*, char const* name, sqlite3_file* file, int flags, int* opened) {
  file->pMethods = nullptr;  // nothing to close
  if (name == nullptr || (flags & SQLITE_OPEN_MAIN_DB) == 0) return SQLITE_CANTOPEN;
  try {
    static_cast<CompressedFile*>(file)->reader = new SeekableReader(name);
  } catch (SeekableError const&) {
    return SQLITE_NOTADB;
  } catch (std::bad_alloc const&) {
    return SQLITE_NOMEM;
  } catch (std::exception const&) {
    return SQLITE_CANTOPEN;
  }
  file->pMethods = &kMethods;
  if (opened != nullptr) *opened = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
  return SQLITE_OK;
}

int remove(sqlite3_vfs*, char const*, int) { return SQLITE_READONLY; }

/// Journals and logs that it might have: none.
int access(sqlite3_vfs*, char const*, int, int* there) {
  *there = 0;
  return SQLITE_OK;
}

int full_name(sqlite3_vfs*, char const* name, int size, char* full) {
  std::string_view const text(name);
  if (text.size() + 1 > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(full, text.data(), text.size());
  full[text.size()] = '\0';
  return SQLITE_OK;
}

/// What has nothing to do with files is the default one's.
sqlite3_vfs make_vfs(sqlite3_vfs const& ordinary) {
  sqlite3_vfs vfs{};
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(CompressedFile);
  vfs.mxPathname = ordinary.mxPathname;
  vfs.zName = kName;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_name;
  vfs.xRandomness = ordinary.xRandomness;
  vfs.xSleep = ordinary.xSleep;
  vfs.xCurrentTime = ordinary.xCurrentTime;
  vfs.xGetLastError = ordinary.xGetLastError;
  vfs.xCurrentTimeInt64 = ordinary.xCurrentTimeInt64;
  return vfs;
}

}  // namespace

char const* zstd_vfs() {
  // SQLite keeps it to the end of the process. Another copy of this library in the process may have made it known before.
  static int const known = [] {
    if (sqlite3_vfs_find(kName) != nullptr) return SQLITE_OK;
    static auto* const vfs = new sqlite3_vfs(make_vfs(*sqlite3_vfs_find(nullptr)));
    return sqlite3_vfs_register(vfs, 0);
  }();
  if (known != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(known), known);
  return kName;
}

}  // namespace logboom::store
