// Call sites: see registry.hpp.
#include "publisher/registry.hpp"

#include "publisher/chunked_table.hpp"
#include "publisher/engine.hpp"

#include <logboom/detail/template_parse.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

namespace logboom::publisher {
namespace {

struct SiteEntry {
  Level level = 0;
  std::uint32_t line = 0;
  std::string_view text, file, function;
};

constexpr std::array<Level, 6> kMessageLevels{level::kTrace,   level::kDebug, level::kInfo,
                                              level::kWarning, level::kError, level::kCritical};

constinit LazyForkLock g_lock;
constinit ChunkedTable<SiteEntry, 64> g_sites;

// The engines of this process. A child has none of them: it begins with a list of its own.
struct Engines {
  std::uint64_t generation = 0;
  std::vector<Engine*> list;
};
constinit Engines* g_engines = nullptr;

Engines& engines() {
  std::uint64_t const generation = process_generation();
  if (g_engines == nullptr || g_engines->generation != generation) g_engines = new Engines{generation, {}};
  return *g_engines;
}

void add_message_sites() {
  while (g_sites.count() < kMessageLevels.size())
    g_sites.add(SiteEntry{kMessageLevels[g_sites.count()], 0, {}, {}, {}});
}

// "at {p:.2}" becomes "at {p}" for an argument whose text is final.
std::string_view without_specs(std::string_view text, std::uint64_t rendered) {
  auto* const copy = new char[text.size() + 1];  // lives as long as the site: as the process
  std::size_t size = 0, copied = 0;
  detail::TemplateParser parser(text);
  detail::TemplateItem item;
  while (parser.next(item)) {
    if (item.spec.empty() || (rendered >> item.argument & 1U) == 0) continue;
    auto const colon = static_cast<std::size_t>(item.spec.data() - text.data()) - 1;
    std::memcpy(copy + size, text.data() + copied, colon - copied);
    size += colon - copied;
    copied = colon + 1 + item.spec.size();
  }
  std::memcpy(copy + size, text.data() + copied, text.size() - copied);
  return {copy, size + text.size() - copied};
}

}  // namespace

ForkLock& catalogue_lock() { return g_lock.get(); }

std::uint32_t message_site(Level level) noexcept {
  std::uint32_t id = 0;
  while (id + 1 < kMessageLevels.size() && kMessageLevels[id + 1] <= level) ++id;
  return id;
}

std::uint32_t register_site(detail::CallSite& site, std::uint64_t rendered) {
  std::lock_guard const guard(catalogue_lock());
  std::uint32_t id = site.id.load_relaxed();
  if (id != 0) return id;
  add_message_sites();
  if (g_sites.full()) return message_site(site.level);
  std::string_view const text = rendered == 0 ? site.text : without_specs(site.text, rendered);
  id = g_sites.add(SiteEntry{site.level, site.line, text, site.file, site.function});
  for (Engine* const engine : engines().list) engine->append_site(id);
  site.id.store_release(id);
  return id;
}

wire::CallSite site(std::uint64_t id) noexcept {
  if (id >= g_sites.count()) return {};
  SiteEntry const& entry = g_sites.at(static_cast<std::uint32_t>(id));
  wire::CallSite found;
  found.ref = id;
  found.level = entry.level;
  found.level_name = level_name(entry.level);
  found.template_text = entry.text;
  found.file = entry.file;
  found.function = entry.function;
  found.line = entry.line;
  return found;
}

std::uint32_t site_count() noexcept { return g_sites.count(); }

void add_engine(Engine& engine) {
  add_message_sites();
  engines().list.push_back(&engine);
}

void logger_added(Loggers const& loggers, std::uint32_t id) {
  for (Engine* const engine : engines().list) {
    if (&engine->loggers() == &loggers) engine->append_logger(id);
  }
}

void remove_engine(Engine& engine) noexcept {
  std::lock_guard const guard(catalogue_lock());
  if (g_engines != nullptr && g_engines->generation == process_generation())
    std::erase(g_engines->list, &engine);
}

}  // namespace logboom::publisher
