// The catalogue of a spool: what the numbers of call sites and loggers stand for, so that records can be read without their process.
// Append-only; an entry is on file before the first record that names it. Must not know rings or the registry of a live process.
#pragma once

#include "record/wire.hpp"
#include "spool/framed_file.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace logboom::spool {

inline constexpr std::uint64_t kMaxCatalogue = std::uint64_t{64} << 20U;  // bytes

/// The owner's end. One caller at a time.
class CatalogueFile {
 public:
  /// @throws std::system_error
  static CatalogueFile create(std::filesystem::path path);

  /// Texts are cut to fit an entry (kMaxEntry). In the page cache when it returns: safe against the death of the process. What failed leaves no trace in the file.
  /// @throws std::system_error ENOSPC and the like; EFBIG when the catalogue is at its bound
  void append_site(wire::CallSite const& site);
  void append_logger(std::uint64_t ref, std::string_view name);

 private:
  explicit CatalogueFile(FramedFile file) noexcept : file_(std::move(file)) {}

  FramedFile file_;
};

/// What a catalogue file holds. Immutable once read. A reference it lacks gives a text that says so.
class SpooledCatalogue final : public wire::Catalogue {
 public:
  SpooledCatalogue() = default;
  /// A torn last entry is left out, as are damaged ones. A file that is missing or not a catalogue gives an empty one, and a word in damage().
  /// @throws std::system_error when there are no file descriptors or no memory now
  static SpooledCatalogue load(std::filesystem::path const& path);

  wire::CallSite site(std::uint64_t ref) const override;
  std::string_view logger(std::uint64_t ref) const override;
  std::string const& damage() const noexcept { return damage_; }  // one line, or empty

 private:
  struct Site {
    Level level = 0;
    std::uint32_t line = 0;
    std::string level_name, template_text, file, function;
  };
  void take(std::span<std::byte const> entry);

  std::map<std::uint64_t, Site> sites_;
  std::map<std::uint64_t, std::string> loggers_;
  std::string damage_;
};

}  // namespace logboom::spool
