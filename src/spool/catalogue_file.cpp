#include "spool/catalogue_file.hpp"

#include "spool/spool_error.hpp"

#include <msgpack.hpp>

#include <cstddef>
#include <exception>

namespace logboom::spool {

namespace {

// Entries are msgpack arrays:
//   [0, site, level, level_name, template, file, line, function]      [1, logger, name]
constexpr unsigned kSite = 0;
constexpr unsigned kLogger = 1;

constexpr std::size_t kMaxTemplate = std::size_t{32} << 10U;
constexpr std::size_t kMaxName = std::size_t{4} << 10U;

constexpr std::size_t kMaxCatalogueEntries = std::size_t{1} << 18U;

constexpr std::string_view kLostSite = "(the spool's catalogue has lost what this call site said)";
constexpr std::string_view kLostLogger = "logboom.lost";

using Packer = msgpack::packer<msgpack::sbuffer>;

void pack_text(Packer& packer, std::string_view text, std::size_t limit) {
  text = text.substr(0, limit);
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

std::span<std::byte const> bytes_of(msgpack::sbuffer const& buffer) {
  return std::as_bytes(std::span(buffer.data(), buffer.size()));
}

}  // namespace

CatalogueFile CatalogueFile::create(std::filesystem::path path) {
  return CatalogueFile(FramedFile::create(std::move(path), FramedKind::kCatalogue));
}

void CatalogueFile::append_site(wire::CallSite const& site) {
  msgpack::sbuffer buffer;
  Packer packer(buffer);
  packer.pack_array(8);
  packer.pack(kSite);
  packer.pack(site.ref);
  packer.pack(site.level);
  pack_text(packer, site.level_name, kMaxName);
  pack_text(packer, site.template_text, kMaxTemplate);
  pack_text(packer, site.file, kMaxName);
  packer.pack(site.line);
  pack_text(packer, site.function, kMaxName);
  file_.append(bytes_of(buffer), kMaxCatalogue);
}

void CatalogueFile::append_logger(std::uint64_t ref, std::string_view name) {
  msgpack::sbuffer buffer;
  Packer packer(buffer);
  packer.pack_array(3);
  packer.pack(kLogger);
  packer.pack(ref);
  pack_text(packer, name, kMaxName);
  file_.append(bytes_of(buffer), kMaxCatalogue);
}

SpooledCatalogue SpooledCatalogue::load(std::filesystem::path const& path) {
  SpooledCatalogue catalogue;
  try {
    auto const contents = read_framed(path, FramedKind::kCatalogue, kMaxCatalogue,
                                      [&](std::span<std::byte const> entry) { catalogue.take(entry); });
    if (contents.skipped > 0)
      catalogue.damage_ = path.string() + " has " + std::to_string(contents.skipped) +
                          " damaged bytes: some records have lost their call site or logger";
  } catch (SpoolError const& error) {
    catalogue.damage_ = std::string(error.what()) + ": records have lost their call sites and loggers";
  } catch (std::system_error const& error) {
    if (may_pass(error.code())) throw;
    catalogue.damage_ = std::string(error.what()) + ": records have lost their call sites and loggers";
  }
  return catalogue;
}

void SpooledCatalogue::take(std::span<std::byte const> entry) {
  constexpr std::size_t kDepth = 2;
  constexpr std::size_t kElements = 16;
  try {
    msgpack::unpack_limit const limit(kElements, 0, kMaxEntry, 0, 0, kDepth);
    auto const handle =
        msgpack::unpack(reinterpret_cast<char const*>(entry.data()), entry.size(), nullptr, nullptr, limit);
    auto const& object = handle.get();
    if (object.type != msgpack::type::ARRAY || object.via.array.size < 3) return;
    msgpack::object const* const element = object.via.array.ptr;
    auto const kind = element[0].as<unsigned>();
    auto const ref = element[1].as<std::uint64_t>();
    if (sites_.size() + loggers_.size() >= kMaxCatalogueEntries) {
      damage_ =
          "the spool's catalogue has more entries than are read: some records have lost their call site or "
          "logger";
    } else if (kind == kLogger) {
      loggers_[ref] = element[2].as<std::string>();
    } else if (kind == kSite && object.via.array.size >= 8) {
      sites_[ref] = {element[2].as<Level>(),       element[6].as<std::uint32_t>(),
                     element[3].as<std::string>(), element[4].as<std::string>(),
                     element[5].as<std::string>(), element[7].as<std::string>()};
    }
  } catch (std::exception const&) {
    damage_ =
        "the spool's catalogue has an entry that cannot be read: some records have lost their call site or "
        "logger";
  }
}

wire::CallSite SpooledCatalogue::site(std::uint64_t ref) const {
  auto const found = sites_.find(ref);
  if (found == sites_.end()) return {ref, level::kInfo, level_name(level::kInfo), kLostSite, {}, {}, 0};
  Site const& site = found->second;
  return {ref, site.level, site.level_name, site.template_text, site.file, site.function, site.line};
}

std::string_view SpooledCatalogue::logger(std::uint64_t ref) const {
  auto const found = loggers_.find(ref);
  return found == loggers_.end() ? kLostLogger : std::string_view(found->second);
}

}  // namespace logboom::spool
