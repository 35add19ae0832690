// What builders of frames have in common: msgpack into vectors, arrays whose length is known only in the end.
// Must not know what is in a frame.
#pragma once

#include "record/wire.hpp"

#include <logboom/detail/record_layout.hpp>

#include <msgpack.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace logboom::wire {

inline constexpr std::size_t kArrayHeader = 5;  // array32: its count can be written afterwards

/// msgpack-c's stream over a vector.
class VectorStream {
 public:
  explicit VectorStream(std::vector<char>& to) : to_(&to) {}
  void write(char const* data, std::size_t size) { to_->insert(to_->end(), data, data + size); }

 private:
  std::vector<char>* to_;
};
using Packer = msgpack::packer<VectorStream>;

// The wire's lengths are 32 bits; nothing near that many bytes can be sent.
inline void pack_text(Packer& packer, std::string_view text) {
  auto const size = static_cast<std::uint32_t>(std::min(text.size(), kMaxMessage));
  packer.pack_str(size);
  packer.pack_str_body(text.data(), size);
}

inline void append_array_header(std::vector<char>& to, std::uint32_t count) {
  std::byte header[kArrayHeader];
  header[0] = std::byte{0xdd};
  detail::record_layout::store32(header + 1, count);
  auto const* const at = reinterpret_cast<char const*>(header);
  to.insert(to.end(), at, at + kArrayHeader);
}

inline void append(std::vector<char>& to, std::vector<char> const& from) {
  to.insert(to.end(), from.begin(), from.end());
}

inline void pack_id(Packer& packer, PublisherId const& id) {
  packer.pack_bin(static_cast<std::uint32_t>(id.size()));
  packer.pack_bin_body(reinterpret_cast<char const*>(id.data()), static_cast<std::uint32_t>(id.size()));
}

/// [id, host, pid, process, started]
inline void pack_publisher(Packer& packer, Publisher const& publisher) {
  packer.pack_array(5);
  pack_id(packer, publisher.id);
  pack_text(packer, publisher.host);
  packer.pack_uint64(publisher.pid);
  pack_text(packer, publisher.process);
  packer.pack_int64(publisher.started);
}

}  // namespace logboom::wire
