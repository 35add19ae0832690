#include "spool/publisher_file.hpp"

#include "spool/framed_file.hpp"
#include "spool/spool_error.hpp"

#include <msgpack.hpp>

#include <cstring>
#include <exception>
#include <optional>

namespace logboom::spool {

namespace {

constexpr std::size_t kMaxText = std::size_t{4} << 10U;

void pack_text(msgpack::packer<msgpack::sbuffer>& packer, std::string_view text) {
  text = text.substr(0, kMaxText);
  packer.pack_str(static_cast<std::uint32_t>(text.size()));
  packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}

// As in a batch (docs/protocol.md): [id, host, pid, process, started]
wire::Publisher parse(std::span<std::byte const> entry) {
  msgpack::unpack_limit const limit(16, 0, kMaxText, kMaxText, 0, 2);
  auto const handle =
      msgpack::unpack(reinterpret_cast<char const*>(entry.data()), entry.size(), nullptr, nullptr, limit);
  auto const& object = handle.get();
  if (object.type != msgpack::type::ARRAY || object.via.array.size < 5) throw msgpack::type_error();
  msgpack::object const* const element = object.via.array.ptr;
  wire::Publisher publisher;
  if (element[0].type != msgpack::type::BIN || element[0].via.bin.size != publisher.id.size())
    throw msgpack::type_error();
  std::memcpy(publisher.id.data(), element[0].via.bin.ptr, publisher.id.size());
  publisher.host = element[1].as<std::string>();
  publisher.pid = element[2].as<std::uint64_t>();
  publisher.process = element[3].as<std::string>();
  publisher.started = element[4].as<std::int64_t>();
  return publisher;
}

}  // namespace

void write_publisher(std::filesystem::path path, wire::Publisher const& publisher) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_array(5);
  packer.pack_bin(static_cast<std::uint32_t>(publisher.id.size()));
  packer.pack_bin_body(reinterpret_cast<char const*>(publisher.id.data()),
                       static_cast<std::uint32_t>(publisher.id.size()));
  pack_text(packer, publisher.host);
  packer.pack(publisher.pid);
  pack_text(packer, publisher.process);
  packer.pack(publisher.started);
  FramedFile::create(std::move(path), FramedKind::kPublisher)
      .append(std::as_bytes(std::span(buffer.data(), buffer.size())), kMaxEntry);
}

wire::Publisher read_publisher(std::filesystem::path const& path) {
  std::optional<wire::Publisher> publisher;
  try {
    (void)read_framed(path, FramedKind::kPublisher, 2 * kMaxEntry, [&](std::span<std::byte const> entry) {
      if (!publisher) publisher = parse(entry);
    });
  } catch (msgpack::unpack_error const&) {
    publisher.reset();
  } catch (msgpack::type_error const&) {
    publisher.reset();
  }
  if (!publisher)
    throw SpoolError(
        path.string() +
        " is damaged: whose records these are is not known; move the directory away or remove it");
  return *std::move(publisher);
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
