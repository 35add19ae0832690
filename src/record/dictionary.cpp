// See dictionary.hpp.
#include "record/dictionary.hpp"

#include "record/random_bytes.hpp"

#include <cstring>

namespace logboom::wire {
namespace {

// Keyed by chance, so that peers cannot choose texts that fall together.
class Hash {
 public:
  Hash& operator()(std::string_view text) noexcept {
    mix(text.size());
    while (text.size() >= sizeof(std::uint64_t)) {
      mix(load(text, sizeof(std::uint64_t)));
      text.remove_prefix(sizeof(std::uint64_t));
    }
    return text.empty() ? *this : mix(load(text, text.size()));
  }
  Hash& operator()(std::uint64_t number) noexcept { return mix(number); }
  std::size_t value() const noexcept { return static_cast<std::size_t>(value_); }

 private:
  static std::uint64_t load(std::string_view text, std::size_t size) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), size);
    return word;
  }
  Hash& mix(std::uint64_t part) noexcept {
    static std::uint64_t const key = random_seed() | 1U;
    value_ = (value_ ^ part) * key;
    value_ ^= value_ >> 32U;
    return *this;
  }

  std::uint64_t value_ = 0x9e37'79b9'7f4a'7c15U;
};

SiteKey key_of(Site const& site) noexcept {
  return {site.level, site.level_name, site.logger, site.template_text, site.file, site.line, site.function};
}

SourceKey key_of(Source const& source) noexcept {
  return {source.publisher, source.host,   source.process, source.pid,
          source.started,   source.stream, source.tid,     source.thread};
}

std::size_t bytes_of(InternedSite const& interned) noexcept {
  Site const& site = interned.site;
  return sizeof(InternedSite) + site.level_name.capacity() + site.logger.capacity() +
         site.template_text.capacity() + site.file.capacity() + site.function.capacity() +
         interned.message.bytes();
}

std::size_t bytes_of(Source const& source) noexcept {
  return sizeof(Source) + source.host.capacity() + source.process.capacity() + source.thread.capacity();
}

}  // namespace

InternedSite::InternedSite(SiteKey const& key)
    : site{key.level,
           std::string(key.level_name),
           std::string(key.logger),
           std::string(key.template_text),
           std::string(key.file),
           key.line,
           std::string(key.function)},
      message(key.template_text) {}

std::size_t Dictionary::SiteHash::operator()(SiteKey const& key) const noexcept {
  return Hash()(static_cast<std::uint64_t>(key.level))(key.level_name)(key.logger)(key.template_text)(
             key.file)(key.line)(key.function)
      .value();
}

std::size_t Dictionary::SiteHash::operator()(std::shared_ptr<InternedSite const> const& site) const noexcept {
  return (*this)(key_of(site->site));
}

bool Dictionary::SiteEqual::operator()(std::shared_ptr<InternedSite const> const& site,
                                       SiteKey const& key) const noexcept {
  Site const& known = site->site;
  return known.line == key.line && known.level == key.level && known.template_text == key.template_text &&
         known.logger == key.logger && known.file == key.file && known.function == key.function &&
         known.level_name == key.level_name;
}

std::size_t Dictionary::SourceHash::operator()(SourceKey const& key) const noexcept {
  std::string_view const id(reinterpret_cast<char const*>(key.publisher.data()), key.publisher.size());
  return Hash()(id)(key.host)(key.process)(key.pid)(static_cast<std::uint64_t>(key.started))(key.stream)(
             key.tid)(key.thread)
      .value();
}

std::size_t Dictionary::SourceHash::operator()(std::shared_ptr<Source const> const& source) const noexcept {
  return (*this)(key_of(*source));
}

bool Dictionary::SourceEqual::operator()(std::shared_ptr<Source const> const& source,
                                         SourceKey const& key) const noexcept {
  return source->publisher == key.publisher && source->stream == key.stream && source->tid == key.tid &&
         source->pid == key.pid && source->started == key.started && source->thread == key.thread &&
         source->host == key.host && source->process == key.process;
}

std::shared_ptr<InternedSite const> Dictionary::site(SiteKey const& key) {
  if (auto const known = sites_.find(key); known != sites_.end()) return *known;
  auto made = std::make_shared<InternedSite const>(key);
  if (sites_.size() == kMaxSites || site_bytes_ > kMaxBytes) {
    sites_.clear();
    site_bytes_ = 0;
  }
  site_bytes_ += bytes_of(*made);
  sites_.insert(made);
  return made;
}

std::shared_ptr<Source const> Dictionary::source(SourceKey const& key) {
  if (auto const known = sources_.find(key); known != sources_.end()) return *known;
  auto made = std::make_shared<Source const>(Source{key.publisher, std::string(key.host),
                                                    std::string(key.process), key.pid, key.started,
                                                    key.stream, key.tid, std::string(key.thread)});
  if (sources_.size() == kMaxSources || source_bytes_ > kMaxBytes) {
    sources_.clear();
    source_bytes_ = 0;
  }
  source_bytes_ += bytes_of(*made);
  sources_.insert(made);
  return made;
}

}  // namespace logboom::wire
