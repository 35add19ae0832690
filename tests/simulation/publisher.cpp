// See publisher.hpp.
#include "publisher.hpp"

#include <logboom/detail/record_layout.hpp>
#include <logboom/detail/ring.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <system_error>

namespace logboom::simulation {

namespace {

constexpr std::int64_t kLongestWait = 1500;  // ms that a log call waits for room, then the record is dropped
constexpr std::int64_t kSealEvery = 10;
constexpr std::int64_t kBroken = 1000;
constexpr std::int64_t kByePatience = 500;
constexpr std::int64_t kStarted = 1'700'000'000'000'000'000;
constexpr std::uint64_t kOverflowSeed = 0x5eed;

class OneSite final : public wire::Catalogue {
 public:
  wire::CallSite site(std::uint64_t ref) const override {
    return {ref, level::kInfo, "INFO", "", "main.cpp", "main", 1};
  }
  std::string_view logger(std::uint64_t) const override { return "simulation"; }
};
OneSite const kCatalogue;

delivery::Speaker::Hooks no_hooks() { return {{}, {}, {}, {}}; }

}  // namespace

void World::expect_durable(StreamKey const& key, std::uint64_t end, std::string_view who_says) const {
  if (oracle.unsaid_losses) return;
  for (std::uint64_t n = 1; n < end; ++n) {
    if (durable(key, n)) continue;
    auto const* const logged = oracle.find(key);
    oracle.fail(fmt::format("{} says that all is stored, and record {} of {} is not", who_says, n,
                            logged != nullptr ? logged->name : "?"));
    return;
  }
}

Identity Identity::make(std::uint64_t index) {
  Identity identity;
  identity.name = fmt::format("p{}", index);
  identity.directory = "/" + identity.name;
  auto& publisher = identity.publisher;
  publisher.id[0] = static_cast<std::byte>(index >> 8U);
  publisher.id[1] = static_cast<std::byte>(index);
  publisher.id[15] = std::byte{1};
  publisher.host = "host";
  publisher.pid = 1000 + index;
  publisher.process = identity.name;
  publisher.started = kStarted;
  return identity;
}

Publisher::Publisher(World& world, Identity const& identity, Plan plan)
    : Process(world, identity.name, identity.directory),
      identity_(identity),
      plan_(std::move(plan)),
      clock_(spool::ClockFile::unknown(kStarted)),
      overflow_(spool::Overflow::open(identity_.directory, kOverflowSeed, plan_.overflow_bytes)),
      feed_(identity_.publisher, overflow_, clock_, kCatalogue, publisher::Feed::Kind::kLive),
      link_(world.network, identity_.publisher.id, identity_.name),
      speaker_(link_, plan_.endpoints, identity_.publisher, feed_, no_hooks()) {
  for (std::uint64_t stream = 0; stream < plan_.streams; ++stream) {
    auto file = std::make_shared<spool::RingFile>(spool::RingFile::create(
        fmt::format("{}/ring.{}", identity_.directory, stream), stream, spool::kMinRing));
    file->set_thread(stream, "t");
    auto const producer = file->producer();
    feed_.add_ring(file);
    rings_.push_back({std::move(file), producer});
    world_.oracle.name({identity_.publisher.id, stream}, fmt::format("{}.{}", identity_.name, stream));
  }
  speaker_.open_streams();
}

bool Publisher::step(std::int64_t now) {
  if (world_.logging && !stopping_) {
    for (auto& ring : rings_) log(ring);
    if (!flush_ && world_.dice.chance(0.02)) ask_for_flush();
  }
  if (now >= seal_next_) {
    feed_.seal();
    seal_next_ = now + kSealEvery;
  }
  bool worked = false;
  if (now >= speak_again_) {
    try {
      worked = speaker_.step(now);
    } catch (std::system_error const& error) {
      note(fmt::format("sending failed: {}", error.what()));
      speak_again_ = now + kBroken;
    }
  }
  auto const moved = feed_.relieve(now);
  if (moved > 0 && noted()) note(fmt::format("{} records moved to the overflow", moved));
  if (life.dead()) return false;
  watch_bounds();
  watch_flush();
  if (stopping_) end(now);
  return worked || feed_.crowded();
}

void Publisher::log(Ring& ring) {
  if (ring.waits_since >= 0) {
    if (write(ring)) {
      ring.waits_since = -1;
    } else if (world_.now - ring.waits_since >= kLongestWait) {
      detail::drop(ring.producer, world_.now);
      world_.oracle.logged({identity_.publisher.id, ring.file->stream()}, true);
      ring.waits_since = -1;
    }
    return;
  }
  if (!world_.dice.chance(plan_.record_bytes > 0 ? 0.5 : 0.15)) return;
  for (auto left = world_.dice.pick(plan_.eagerness + 1); left > 0; --left) {
    if (write(ring)) continue;
    if (plan_.blocks) {
      ring.waits_since = world_.now;
      return;
    }
    detail::drop(ring.producer, world_.now);
    auto const number = world_.oracle.logged({identity_.publisher.id, ring.file->stream()}, true);
    if (noted()) note(fmt::format("record {}.{} is dropped: no room", ring.file->stream(), number));
  }
}

/// A log call, in as many steps as the one that ships has.
bool Publisher::write(Ring& ring) {
  namespace layout = detail::record_layout;
  StreamKey const key{identity_.publisher.id, ring.file->stream()};
  auto const* const logged = world_.oracle.find(key);
  auto const number = logged->dropped.size() + 1;
  auto text = Oracle::text(key, number);
  text.resize(text.size() + plan_.record_bytes, '.');
  record_.assign(layout::kHeaderSize, '\0');
  layout::store_header(reinterpret_cast<std::byte*>(record_.data()), 4, kStarted, 0, 0);
  record_ += '\x91';
  record_ += '\xda';
  record_ += static_cast<char>(text.size() >> 8U);
  record_ += static_cast<char>(text.size() & 0xffU);
  record_ += text;
  auto* at = detail::reserve(ring.producer, record_.size());
  if (at == nullptr) at = detail::look_and_reserve(ring.producer, record_.size()).payload;
  if (at == nullptr) return false;
  if (ring.producer.sequence != number)
    world_.oracle.fail(
        fmt::format("record {} of {} gets the number {}", number, logged->name, ring.producer.sequence));
  std::memcpy(at, record_.data(), record_.size());
  detail::commit(ring.producer, record_.size());
  world_.oracle.logged(key, false);
  return true;
}

void Publisher::ask_for_flush() {
  flush_ = feed_.ends();
  speaker_.hurry();
  note("flush");
}

void Publisher::watch_flush() {
  if (!flush_ || !speaker_.committed(*flush_)) return;
  for (auto const& [stream, end] : *flush_)
    world_.expect_durable({identity_.publisher.id, stream}, end, identity_.name + "'s flush");
  flush_.reset();
  note("flushed");
}

void Publisher::watch_bounds() const {
  auto const& window = speaker_.window();
  if (window.in_flight() > delivery::SenderWindow::kMaxBatches)
    world_.oracle.fail(identity_.name + " has more than 64 batches in flight");
  if (overflow_.bytes() > plan_.overflow_bytes)
    world_.oracle.fail(identity_.name + "'s overflow is larger than its bound");
  for (auto const& ring : rings_) {
    if (ring.file->head() - ring.file->tail() > ring.file->capacity())
      world_.oracle.fail(identity_.name + " has more in a ring than it holds");
  }
}

/// As Sender::over().
void Publisher::end(std::int64_t now) {
  if (!speaker_.drained()) {
    bool const sent = std::all_of(rings_.begin(), rings_.end(), [&](Ring const& ring) {
      return speaker_.window().cursor(ring.file->stream()) >= ring.file->next_sequence();
    });
    if (world_.mutation == Mutation::kSpoolRemovedTooEarly && sent)
      world_.disk.remove_directory(identity_.directory), over_ = true;
    drained_at_ = -1;
    return;
  }
  speaker_.end();
  if (drained_at_ < 0) drained_at_ = now;
  bool const awaited = speaker_.known() && !speaker_.bye_answered();
  if (awaited && now - drained_at_ < kByePatience) return;
  for (auto const& [stream, end] : feed_.ends())
    world_.expect_durable({identity_.publisher.id, stream}, end, identity_.name);
  if (!life.act()) return;
  if (!awaited) world_.disk.remove_directory(identity_.directory);
  note(awaited ? "ends, without an answer to its bye" : "ends; its spool is gone");
  over_ = true;
}

// --- Adopter

namespace {

wire::Publisher speaker_of(World& world, Identity const& identity) {
  auto publisher = identity.publisher;
  if (world.mutation == Mutation::kAdopterUnderNewName) publisher.id[14] = std::byte{7};
  return publisher;
}

}  // namespace

Adopter::Adopter(World& world, Identity const& identity, std::vector<delivery::Endpoint> endpoints)
    : Process(world, identity.name + "'", identity.directory),
      identity_(identity),
      speaks_as_(speaker_of(world, identity)),
      clock_(spool::ClockFile::unknown(kStarted)),
      overflow_(spool::Overflow::open(identity_.directory, kOverflowSeed)),
      feed_(speaks_as_, overflow_, clock_, kCatalogue, publisher::Feed::Kind::kDead),
      rings_(add_rings()),
      link_(world.network, identity_.publisher.id, identity_.name + "'"),
      speaker_(link_, std::move(endpoints), speaks_as_, feed_, no_hooks()) {
  speaker_.end();
  note(fmt::format("takes over the spool with {} rings", rings_));
}

std::uint64_t Adopter::add_rings() {
  std::uint64_t stream = 0;
  for (;; ++stream) {
    auto const path = fmt::format("{}/ring.{}", identity_.directory, stream);
    if (!world_.disk.files.contains(path)) break;
    auto ring = std::make_shared<spool::RingFile>(spool::RingFile::open(path));
    if (noted()) {
      note(fmt::format("finds ring {} with {}..{}{}", stream, ring->base(), ring->next_sequence() - 1,
                       ring->damage().empty() ? "" : ", damaged"));
    }
    feed_.add_ring(std::move(ring));
  }
  for (auto const& chunk : overflow_.chunks()) {
    if (noted())
      note(fmt::format("finds {}.{}..{} in the overflow", chunk.stream, chunk.first, chunk.end - 1));
  }
  if (!overflow_.damage().empty()) note("finds the overflow damaged");
  return stream;
}

bool Adopter::step(std::int64_t now) {
  if (now < speak_again_) return false;
  bool worked = false;
  try {
    worked = speaker_.step(now);
  } catch (std::system_error const& error) {
    note(fmt::format("sending failed: {}", error.what()));
    speak_again_ = now + kBroken;
    return false;
  }
  welcomed_ = welcomed_ || speaker_.window().welcomed();
  if (life.dead() || !welcomed_ || !speaker_.drained() || !speaker_.bye_answered()) return worked;
  for (auto const& [stream, end] : feed_.ends())
    world_.expect_durable({identity_.publisher.id, stream}, end, name());
  if (!life.act()) return worked;
  world_.disk.remove_directory(identity_.directory);
  note("ends; the spool is gone");
  done_ = true;
  return worked;
}

}  // namespace logboom::simulation
