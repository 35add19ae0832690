// Equal sites and sources of different batches made one object, so that the store can tell them by their address and memory stays small.
// Must not know batches or records.
#pragma once

#include "record/block.hpp"
#include "record/template.hpp"

#include <cstddef>
#include <memory>
#include <string_view>
#include <unordered_set>

namespace logboom::wire {

/// A site's contents, borrowed. Texts are clean.
struct SiteKey {
  Level level = 0;
  std::string_view level_name, logger, template_text, file;
  std::uint32_t line = 0;
  std::string_view function;
};

/// A source's contents, borrowed. Texts are clean.
struct SourceKey {
  PublisherId publisher{};
  std::string_view host, process;
  std::uint64_t pid = 0;
  std::int64_t started = 0;
  std::uint64_t stream = 0, tid = 0;
  std::string_view thread;
};

/// A site with its template taken apart.
struct InternedSite {
  explicit InternedSite(SiteKey const& key);
  Site site;
  Template message;
};

/// At a bound it starts afresh: what blocks still hold lives on, equal ones that come later are new objects.
class Dictionary {
 public:
  static constexpr std::size_t kMaxSites = 65'536;
  static constexpr std::size_t kMaxSources = 16'384;
  static constexpr std::size_t kMaxBytes = 16U << 20U;  // of sites, and of sources

  std::shared_ptr<InternedSite const> site(SiteKey const& key);
  std::shared_ptr<Source const> source(SourceKey const& key);

 private:
  struct SiteHash {
    using is_transparent = void;
    std::size_t operator()(SiteKey const& key) const noexcept;
    std::size_t operator()(std::shared_ptr<InternedSite const> const& site) const noexcept;
  };
  struct SiteEqual {
    using is_transparent = void;
    bool operator()(std::shared_ptr<InternedSite const> const& site, SiteKey const& key) const noexcept;
    bool operator()(SiteKey const& key, std::shared_ptr<InternedSite const> const& site) const noexcept {
      return (*this)(site, key);
    }
    bool operator()(std::shared_ptr<InternedSite const> const& a,
                    std::shared_ptr<InternedSite const> const& b) const noexcept {
      return a == b;
    }
  };
  struct SourceHash {
    using is_transparent = void;
    std::size_t operator()(SourceKey const& key) const noexcept;
    std::size_t operator()(std::shared_ptr<Source const> const& source) const noexcept;
  };
  struct SourceEqual {
    using is_transparent = void;
    bool operator()(std::shared_ptr<Source const> const& source, SourceKey const& key) const noexcept;
    bool operator()(SourceKey const& key, std::shared_ptr<Source const> const& source) const noexcept {
      return (*this)(source, key);
    }
    bool operator()(std::shared_ptr<Source const> const& a,
                    std::shared_ptr<Source const> const& b) const noexcept {
      return a == b;
    }
  };

  std::unordered_set<std::shared_ptr<InternedSite const>, SiteHash, SiteEqual> sites_;
  std::unordered_set<std::shared_ptr<Source const>, SourceHash, SourceEqual> sources_;
  std::size_t site_bytes_ = 0;
  std::size_t source_bytes_ = 0;
};

}  // namespace logboom::wire
