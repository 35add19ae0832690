// Gives publishers, sites and sources their ids in the store: looks them up, or adds them to its tables.
// Must not know records or transactions: its owner opens one before, and calls forget() when one was rolled back.
#pragma once

#include "record/block.hpp"
#include "store/dictionary.hpp"

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <memory>

namespace logboom::store {

/// Binds a publisher's id, a stream and the number of its last record: the ledger never goes back.
inline constexpr char const* kAdvanceLedger =
    "INSERT INTO ledger(publisher_id, stream, last) VALUES(?, ?, ?) "
    "ON CONFLICT DO UPDATE SET last = max(last, excluded.last)";

/// Bounds of the names held in memory, for each of the three kinds; past them a name is looked up by SQL again.
inline constexpr std::size_t kNamesHeld = 8'192;
inline constexpr std::size_t kNameBytesHeld = 4U << 20U;

struct SiteHash {
  std::size_t operator()(std::shared_ptr<Site const> const& site) const noexcept;
};
struct SiteEqual {
  bool operator()(std::shared_ptr<Site const> const& a, std::shared_ptr<Site const> const& b) const noexcept;
};
struct SourceHash {
  std::size_t operator()(std::shared_ptr<Source const> const& source) const noexcept;
};
struct SourceEqual {
  bool operator()(std::shared_ptr<Source const> const& a, std::shared_ptr<Source const> const& b) const noexcept;
};
struct PublisherHash {
  std::size_t operator()(PublisherId const& id) const noexcept;
};

class Names {
 public:
  explicit Names(SQLite::Database& db);

  std::int64_t publisher(PublisherId const& id);
  std::int64_t site(std::shared_ptr<Site const> const& site);
  std::int64_t source(std::shared_ptr<Source const> const& source);

  /// Drops everything held, for what a rolled-back transaction added is in the file no more.
  void forget();

 private:
  SQLite::Database& db_;
  SQLite::Statement find_publisher_, add_publisher_;
  SQLite::Statement find_site_, add_site_;
  SQLite::Statement find_source_, add_source_;
  Dictionary<PublisherId, std::int64_t, PublisherHash> publishers_;
  Dictionary<std::shared_ptr<Site const>, std::int64_t, SiteHash, SiteEqual> sites_;
  Dictionary<std::shared_ptr<Source const>, std::int64_t, SourceHash, SourceEqual> sources_;
};

}  // namespace logboom::store
