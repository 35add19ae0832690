// Batches for the tests of the wire form: records packed value by value with msgpack-c, as any publisher could.
#pragma once

#include "record/wire.hpp"

#include <logboom/detail/record_layout.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <msgpack.hpp>

namespace logboom::wire::test {

using Packer = msgpack::packer<msgpack::sbuffer>;
using Pack = std::function<void(Packer&)>;

inline std::vector<std::byte> bytes_of(msgpack::sbuffer const& buffer) {
  auto const* const data = reinterpret_cast<std::byte const*>(buffer.data());
  return {data, data + buffer.size()};
}

inline std::span<std::byte const> as_bytes(std::string_view text) {
  return {reinterpret_cast<std::byte const*>(text.data()), text.size()};
}

inline std::vector<std::byte> packed(Pack const& pack) {
  msgpack::sbuffer buffer;
  Packer packer(buffer);
  pack(packer);
  return bytes_of(buffer);
}

/// Any of msgpack-c's types.
template <typename T>
Pack value(T const& of) {
  return [of](Packer& packer) { packer.pack(of); };
}
/// In full width: msgpack-c would make an integer of 1.0.
inline Pack value(double of) {
  return [of](Packer& packer) {
    char bytes[9] = {'\xcb'};
    detail::record_layout::store64(reinterpret_cast<std::byte*>(bytes + 1), std::bit_cast<std::uint64_t>(of));
    packer.pack_bin_body(bytes, sizeof bytes);
  };
}
inline Pack value(float of) {
  return [of](Packer& packer) {
    char bytes[5] = {'\xca'};
    detail::record_layout::store32(reinterpret_cast<std::byte*>(bytes + 1), std::bit_cast<std::uint32_t>(of));
    packer.pack_bin_body(bytes, sizeof bytes);
  };
}
inline Pack text(std::string of) {
  return [of = std::move(of)](Packer& packer) {
    packer.pack_str(static_cast<std::uint32_t>(of.size()));
    packer.pack_str_body(of.data(), static_cast<std::uint32_t>(of.size()));
  };
}
inline Pack nil() {
  return [](Packer& packer) { packer.pack_nil(); };
}
inline Pack bin(std::string of) {
  return [of = std::move(of)](Packer& packer) {
    packer.pack_bin(static_cast<std::uint32_t>(of.size()));
    packer.pack_bin_body(of.data(), static_cast<std::uint32_t>(of.size()));
  };
}
inline Pack ext(std::int8_t type, std::string of) {
  return [type, of = std::move(of)](Packer& packer) {
    packer.pack_ext(of.size(), type);
    packer.pack_ext_body(of.data(), static_cast<std::uint32_t>(of.size()));
  };
}
inline Pack ext64(std::int8_t type, std::uint64_t number) {
  std::string data(8, '\0');
  detail::record_layout::store64(reinterpret_cast<std::byte*>(data.data()), number);
  return ext(type, std::move(data));
}
inline Pack duration(std::int64_t ns) {
  return ext64(detail::record_layout::kDuration, static_cast<std::uint64_t>(ns));
}
inline Pack pointer(std::uint64_t address) { return ext64(detail::record_layout::kPointer, address); }
inline Pack character(std::string utf8) { return ext(detail::record_layout::kCharacter, std::move(utf8)); }
inline Pack timestamp(std::int64_t seconds, std::uint32_t ns) {
  std::string data(12, '\0');
  auto* const at = reinterpret_cast<std::byte*>(data.data());
  detail::record_layout::store32(at, ns);
  detail::record_layout::store64(at + 4, static_cast<std::uint64_t>(seconds));
  return ext(detail::record_layout::kTimestamp, std::move(data));
}
inline Pack array(std::vector<Pack> of) {
  return [of = std::move(of)](Packer& packer) {
    packer.pack_array(static_cast<std::uint32_t>(of.size()));
    for (auto const& element : of) element(packer);
  };
}
inline Pack map(std::vector<std::pair<Pack, Pack>> of) {
  return [of = std::move(of)](Packer& packer) {
    packer.pack_map(static_cast<std::uint32_t>(of.size()));
    for (auto const& [key, content] : of) {
      key(packer);
      content(packer);
    }
  };
}
inline Pack fields(std::vector<std::pair<std::string, Pack>> of) {
  std::vector<std::pair<Pack, Pack>> pairs;
  for (auto& [key, content] : of) pairs.emplace_back(text(key), std::move(content));
  return map(std::move(pairs));
}

/// A record as it stands in a ring.
inline std::vector<std::byte> ring_record(std::uint32_t site, std::uint16_t logger,
                                          std::vector<Pack> const& arguments, Pack const& with_fields = {},
                                          Pack const& with_attributes = {}) {
  namespace layout = detail::record_layout;
  std::vector<std::byte> record(layout::kHeaderSize);
  unsigned const elements = with_attributes ? 6 : with_fields ? 5 : 4;
  layout::store_header(record.data(), elements, 0x1122334455667788, site, logger);
  auto const add = [&](Pack const& pack) {
    auto const more = packed(pack);
    record.insert(record.end(), more.begin(), more.end());
  };
  add(array(arguments));
  if (elements >= 5) add(with_fields ? with_fields : nil());
  if (elements == 6) add(with_attributes);
  return record;
}

class TestCatalogue : public Catalogue {
 public:
  CallSite site(std::uint64_t ref) const override {
    ++asked;
    auto const& entry = sites.at(ref);
    return {ref, entry.level, entry.level_name, entry.template_text, "src/grid.cpp", "solve", 42};
  }
  std::string_view logger(std::uint64_t ref) const override {
    ++asked;
    return loggers.at(ref);
  }

  struct Entry {
    Level level = level::kInfo;
    std::string level_name = "INFO";
    std::string template_text;
  };
  std::map<std::uint64_t, Entry> sites;
  std::map<std::uint64_t, std::string> loggers{{1, "solver.grid"}};
  mutable int asked = 0;
};

inline Publisher test_publisher() {
  Publisher publisher;
  for (std::size_t i = 0; i < publisher.id.size(); ++i) publisher.id[i] = static_cast<std::byte>(i + 1);
  publisher.host = "hub";
  publisher.pid = 4711;
  publisher.process = "solver";
  publisher.started = 1'700'000'000'000'000'000;
  return publisher;
}

/// One record of one template, decoded.
class OneRecord {
 public:
  OneRecord(std::string template_text, std::vector<Pack> const& arguments, Pack const& with_fields = {},
            Pack const& with_attributes = {}) {
    catalogue_.sites[7] = {level::kInfo, "INFO", std::move(template_text)};
    BatchBuilder builder(test_publisher(), catalogue_);
    builder.begin_stream(3, 1, 1, 99, "main");
    builder.add(ring_record(7, 1, arguments, with_fields, with_attributes), 1'700'000'000'123'456'789);
    decoder_.open(builder.finish());
    decoder_.take(decoder_.streams()[0], 1, block);
  }

  Entry const& entry() const { return block.entries.at(0); }
  std::string_view message() const { return entry().message; }
  std::string_view json() const { return entry().fields_json; }

  Block block;

 private:
  TestCatalogue catalogue_;
  BatchDecoder decoder_;
};

}  // namespace logboom::wire::test
