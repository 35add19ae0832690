// Leaves a prepared statement ready for its next use, however this use ends. Must not know what the statement does.
#pragma once

#include <SQLiteCpp/Statement.h>

namespace logboom::store {

class ScopedReset {
 public:
  explicit ScopedReset(SQLite::Statement& statement) : statement_(statement) {}
  ~ScopedReset() { statement_.tryReset(); }
  ScopedReset(ScopedReset const&) = delete;
  ScopedReset& operator=(ScopedReset const&) = delete;

 private:
  SQLite::Statement& statement_;
};

}  // namespace logboom::store
