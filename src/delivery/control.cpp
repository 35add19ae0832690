// Control messages to and from msgpack. What arrives is hostile until proven otherwise: sizes, depth and types are checked before anything is kept.
#include "delivery/control.hpp"

#include "delivery/control_frame.hpp"

#include <fmt/format.h>
#include <msgpack.hpp>

namespace logboom::delivery {
namespace {

// An array's claimed size is allocated before its elements are seen: this and the depth bound what a short frame can cost (8 × 4096 × 24 bytes).
constexpr std::size_t kMaxElements = 4096;
constexpr std::size_t kDepth = 8;

template <class Message>
std::vector<std::byte> described(std::string_view kind, Message const& message) {
  FrameWriter out(2, kind);
  put(out, message);
  return out.take();
}

struct Encoder {
  std::vector<std::byte> operator()(Hello const& m) const {
    FrameWriter out(4, "hello");
    auto const& p = m.publisher;
    out.number(m.version).array(5).id(p.id).text(p.host).number(p.pid).text(p.process).integer(p.started);
    out.array(m.streams.size());
    for (auto const& s : m.streams) out.array(3).number(s.stream).number(s.base).number(s.next);
    return out.take();
  }
  std::vector<std::byte> operator()(Flush const& m) const {
    return FrameWriter(2, "flush").number(m.token).take();
  }
  std::vector<std::byte> operator()(Bye const& m) const {
    return FrameWriter(3, "bye").id(m.id).pairs(m.last).take();
  }
  std::vector<std::byte> operator()(InfoRequest const&) const { return FrameWriter(1, "info").take(); }
  std::vector<std::byte> operator()(Welcome const& m) const {
    FrameWriter out(7, "welcome");
    out.number(m.version).number(m.epoch).number(m.window).text(m.levels).states(m.streams);
    out.map(2).text("forward").number(m.forward);
    return out.text("report").number(m.report_every).take();
  }
  std::vector<std::byte> operator()(Ack const& m) const {
    return FrameWriter(4, "ack").number(m.epoch).number(m.window).states(m.streams).take();
  }
  std::vector<std::byte> operator()(Resend const& m) const {
    return FrameWriter(3, "resend").number(m.epoch).pairs(m.expected).take();
  }
  std::vector<std::byte> operator()(Levels const& m) const {
    return FrameWriter(2, "levels").text(m.rules).take();
  }
  std::vector<std::byte> operator()(Flushed const& m) const {
    return FrameWriter(2, "flushed").number(m.token).take();
  }
  std::vector<std::byte> operator()(Error const& m) const {
    return FrameWriter(2, "error").text(m.text).take();
  }
  std::vector<std::byte> operator()(Info const& m) const {
    FrameWriter out(2, "info");
    out.map(6).text("version").number(m.version).text("epoch").number(m.epoch).text("host").text(m.host);
    return out.text("pid").number(m.pid).text("database").text(m.database).text("last_id").integer(m.last_id).take();
  }
  std::vector<std::byte> operator()(Report const& m) const {
    FrameWriter out(3, "report");
    put(out.id(m.id), m.report);
    return out.take();
  }
  std::vector<std::byte> operator()(Missed const& m) const {
    return FrameWriter(2, "missed").number(m.records).take();
  }
  std::vector<std::byte> operator()(ChangeRules const& m) const { return described("change-rules", m); }
  std::vector<std::byte> operator()(AskStatus const& m) const { return described("ask-status", m); }
  std::vector<std::byte> operator()(Rules const& m) const { return described("rules", m); }
  std::vector<std::byte> operator()(Status const& m) const { return described("status", m); }
  std::vector<std::byte> operator()(Unknown const& m) const { return FrameWriter(1, m.kind).take(); }
};

// --- decode

Control read_hello(FrameReader const& in) {
  Hello m;
  m.version = in.number(1, "version");
  if (m.version != wire::kVersion)
    return m;  // the rest may mean anything; the receiver answers with an error
  auto const& publisher = in.at(2, "publisher");
  if (publisher.type != msgpack::type::ARRAY) refuse_message("hello", "'publisher' is not an array");
  FrameReader const p("hello", publisher.via.array);
  m.publisher = {p.id(0), p.text(1, "host"), p.number(2, "pid"), p.text(3, "process"),
                 p.integer(p.at(4, "started"), "started")};
  in.rows(3, "streams", 3, [&](Object const* row) {
    m.streams.push_back({in.number(row[0], "stream"), in.number(row[1], "base"), in.number(row[2], "next")});
  });
  return m;
}

Control read_welcome(FrameReader const& in) {
  Welcome m;
  m.version = in.number(1, "version");
  if (m.version != wire::kVersion) return m;
  m.epoch = in.number(2, "epoch");
  m.window = in.number(3, "window");
  m.levels = in.text(4, "levels");
  m.streams = in.states(5);
  if (auto const* const features = in.optional(6); features != nullptr && features->type == msgpack::type::MAP) {
    for (auto const& [key, value] : features->via.map) {
      if (text_of(key) == "forward") m.forward = in.number(value, "forward");
      if (text_of(key) == "report") m.report_every = in.number(value, "report");
    }
  }
  return m;
}

Control read_info(FrameReader const& in) {
  Info m;
  auto const& map = in.at(1, "info");
  if (map.type != msgpack::type::MAP) refuse_message("info", "'info' is not a map");
  for (auto const& [key, value] : map.via.map) {
    auto const name = text_of(key);
    if (name == "version") m.version = in.number(value, name);
    if (name == "epoch") m.epoch = in.number(value, name);
    if (name == "host") m.host = in.text(value, name);
    if (name == "pid") m.pid = in.number(value, name);
    if (name == "database") m.database = in.text(value, name);
    if (name == "last_id") m.last_id = in.integer(value, name);
  }
  return m;
}

template <class Message>
Message read_described(FrameReader const& in) {
  Message m;
  get(in, in.at(1, in.kind()), in.kind(), m);
  return m;
}

Control read(std::string_view kind, msgpack::object_array const& elements) {
  FrameReader const in(kind, elements);
  if (kind == "hello") return read_hello(in);
  if (kind == "flush") return Flush{in.number(1, "token")};
  if (kind == "bye") return Bye{in.id(1), elements.size > 2 ? in.pairs(2, "last") : Pairs{}};
  if (kind == "report") {
    Report m{in.id(1), {}};
    get(in, in.at(2, "report"), "report", m.report);
    return m;
  }
  if (kind == "missed") return Missed{in.number(1, "missed")};
  if (kind == "change-rules") return read_described<ChangeRules>(in);
  if (kind == "rules") return read_described<Rules>(in);
  if (kind == "ask-status") return read_described<AskStatus>(in);
  if (kind == "status") return read_described<Status>(in);
  if (kind == "welcome") return read_welcome(in);
  if (kind == "ack") return Ack{in.number(1, "epoch"), in.number(2, "window"), in.states(3)};
  if (kind == "resend") return Resend{in.number(1, "epoch"), in.pairs(2, "expected")};
  if (kind == "levels") return Levels{in.text(1, "rules")};
  if (kind == "flushed") return Flushed{in.number(1, "token")};
  if (kind == "error") return Error{in.text(1, "text")};
  // Question and answer share the kind: the question has no second element.
  if (kind == "info" && elements.size == 1) return InfoRequest{};
  if (kind == "info") return read_info(in);
  return Unknown{std::string(kind.substr(0, 64))};
}

}  // namespace

std::vector<std::byte> encode(Control const& message) { return std::visit(Encoder{}, message); }

Control decode(std::span<std::byte const> frame) {
  if (frame.size() > wire::kMaxControl)
    refuse_message("?", fmt::format("{} bytes, at most {} are taken", frame.size(), wire::kMaxControl));
  try {
    std::size_t used = 0;
    // References into the frame: texts are copied once, into the struct.
    auto const by_reference = [](msgpack::type::object_type, std::size_t, void*) { return true; };
    msgpack::unpack_limit const limit(kMaxElements, kMaxElements, wire::kMaxControl, wire::kMaxControl,
                                      wire::kMaxControl, kDepth);
    auto const handle = msgpack::unpack(reinterpret_cast<char const*>(frame.data()), frame.size(), used,
                                        by_reference, nullptr, limit);
    if (used != frame.size()) refuse_message("?", "bytes follow the message");
    auto const& message = handle.get();
    if (message.type != msgpack::type::ARRAY || message.via.array.size == 0)
      refuse_message("?", "not a msgpack array that begins with its kind");
    auto const& kind = message.via.array.ptr[0];
    if (kind.type != msgpack::type::STR) refuse_message("?", "the kind is not a str");
    return read(text_of(kind), message.via.array);
  } catch (msgpack::unpack_error const& error) {
    refuse_message("?", fmt::format("not valid msgpack ({})", error.what()));
  }
}

}  // namespace logboom::delivery
