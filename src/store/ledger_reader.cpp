#include "store/ledger_reader.hpp"

#include "store/missing_text.hpp"
#include "store/read_connection.hpp"
#include "store/scoped_reset.hpp"
#include "store/store_error.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <utility>

namespace logboom::store {

struct LedgerReader::Connection {
  explicit Connection(std::string const& path)
      : db(open_current(path)),
        find(db,
             "SELECT last, missing FROM ledger WHERE publisher_id = (SELECT id FROM publisher WHERE uuid = "
             "?) AND "
             "stream = ?") {}

  SQLite::Database db;
  SQLite::Statement find;
};

LedgerReader::LedgerReader(std::string path) : path_(std::move(path)) {}
LedgerReader::~LedgerReader() = default;
LedgerReader::LedgerReader(LedgerReader&&) noexcept = default;
LedgerReader& LedgerReader::operator=(LedgerReader&&) noexcept = default;

std::optional<Progress> LedgerReader::find(PublisherId const& publisher, std::uint64_t stream) try {
  // A store that went on in a new file knows of later records there.
  if (connection_ != nullptr && has_moved(connection_->db)) connection_ = nullptr;
  if (connection_ == nullptr) connection_ = std::make_unique<Connection>(path_);
  SQLite::Statement& select = connection_->find;
  ScopedReset const reset(select);
  select.bindNoCopy(1, publisher.data(), static_cast<int>(publisher.size()));
  select.bind(2, static_cast<std::int64_t>(stream));
  if (!select.executeStep()) return std::nullopt;
  return Progress{publisher, stream, static_cast<std::uint64_t>(select.getColumn(0).getInt64()),
                  read_missing(select.getColumn(1).getText())};
} catch (SQLite::Exception const& cause) {
  throw store_error(path_, "read", cause);
}

}  // namespace logboom::store
