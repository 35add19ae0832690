#include "spool/publisher_file.hpp"

#include "spool/framed_file.hpp"
#include "spool/spool_error.hpp"

#include <msgpack.hpp>

#include <cstring>
#include <exception>
#include <optional>
#include <string_view>

namespace logboom::spool {

namespace {

constexpr std::size_t kMaxText = std::size_t{4} << 10U;

void pack_text(msgpack::packer<msgpack::sbuffer>& packer, std::string_view text) {
  text = text.substr(0, kMaxText);
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

// What is of another type was written by a version that means something else by it.
std::vector<std::string> parse_endpoints(msgpack::object const& object) {
  std::vector<std::string> endpoints;
  if (object.type != msgpack::type::ARRAY) return endpoints;
  for (std::size_t i = 0; i < object.via.array.size; ++i) {
    auto const& element = object.via.array.ptr[i];
    if (element.type == msgpack::type::STR) endpoints.push_back(element.as<std::string>());
  }
  return endpoints;
}

// As in a batch (docs/protocol.md): [id, host, pid, process, started], and then the addresses, which older versions left out.
Owner parse(std::span<std::byte const> entry) {
  msgpack::unpack_limit const limit(kMaxEndpoints, 0, kMaxText, kMaxText, 0, 2);
  auto const handle =
      msgpack::unpack(reinterpret_cast<char const*>(entry.data()), entry.size(), nullptr, nullptr, limit);
  auto const& object = handle.get();
  if (object.type != msgpack::type::ARRAY || object.via.array.size < 5) throw msgpack::type_error();
  msgpack::object const* const element = object.via.array.ptr;
  Owner owner;
  auto& publisher = owner.publisher;
  if (element[0].type != msgpack::type::BIN || element[0].via.bin.size != publisher.id.size())
    throw msgpack::type_error();
  std::memcpy(publisher.id.data(), element[0].via.bin.ptr, publisher.id.size());
  publisher.host = element[1].as<std::string>();
  publisher.pid = element[2].as<std::uint64_t>();
  publisher.process = element[3].as<std::string>();
  publisher.started = element[4].as<std::int64_t>();
  if (object.via.array.size > 5) owner.endpoints = parse_endpoints(element[5]);
  return owner;
}

}  // namespace

void write_owner(std::filesystem::path path, wire::Publisher const& publisher,
                 std::span<std::string const> endpoints) {
  std::vector<std::string_view> kept;
  for (auto const& endpoint : endpoints)
    if (endpoint.size() <= kMaxEndpointText && kept.size() < kMaxEndpoints) kept.push_back(endpoint);
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_array(6);
  packer.pack_bin(static_cast<std::uint32_t>(publisher.id.size()));
  packer.pack_bin_body(reinterpret_cast<char const*>(publisher.id.data()),
                       static_cast<std::uint32_t>(publisher.id.size()));
  pack_text(packer, publisher.host);
  packer.pack(publisher.pid);
  pack_text(packer, publisher.process);
  packer.pack(publisher.started);
  packer.pack_array(static_cast<std::uint32_t>(kept.size()));
  for (auto const endpoint : kept) pack_text(packer, endpoint);
  FramedFile::create(std::move(path), FramedKind::kPublisher)
      .append(std::as_bytes(std::span(buffer.data(), buffer.size())), kMaxEntry);
}

Owner read_owner(std::filesystem::path const& path) {
  std::optional<Owner> owner;
  try {
    (void)read_framed(path, FramedKind::kPublisher, 2 * kMaxEntry, [&](std::span<std::byte const> entry) {
      if (!owner) owner = parse(entry);
    });
  } catch (msgpack::unpack_error const&) {
    owner.reset();
  } catch (msgpack::type_error const&) {
    owner.reset();
  }
  if (!owner)
    throw SpoolError(
        path.string() +
        " is damaged: whose records these are is not known; move the directory away or remove it");
  return *std::move(owner);
}

std::string hex(PublisherId const& id) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * id.size());
  for (std::byte const byte : id) {
    text += kDigits[std::to_integer<unsigned>(byte >> 4U)];
    text += kDigits[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return text;
}

}  // namespace logboom::spool
