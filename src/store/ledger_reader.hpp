// Looks up single streams in a store's ledger while the writer writes. Must not know records or the delivery protocol.
#pragma once

#include "record/block.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace logboom::store {

/// One read-only connection, opened at the first look-up. For one thread at a time, any thread.
class LedgerReader {
 public:
  explicit LedgerReader(std::string path);
  ~LedgerReader();
  LedgerReader(LedgerReader&&) noexcept;
  LedgerReader& operator=(LedgerReader&&) noexcept;

  /// How far the stream is; nothing if the store does not know it. Takes some ten microseconds. @throws StoreError
  std::optional<Progress> find(PublisherId const& publisher, std::uint64_t stream);

 private:
  struct Connection;
  std::string path_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace logboom::store
