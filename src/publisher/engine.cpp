// The running half of a publisher: see engine.hpp.
#include "publisher/engine.hpp"

#include "publisher/registry.hpp"
#include "publisher/same_bus.hpp"
#include "publisher/sender.hpp"
#include "record/random_bytes.hpp"

#include <logboom/detail/clock.hpp>
#include <logboom/detail/encode.hpp>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

namespace logboom::publisher {
namespace {

constexpr std::string_view kOwnLogger = "logboom.publisher";
constexpr std::size_t kMaxReport = 4096;

PublisherId random_id() {
  PublisherId id{};
  random_bytes(id);
  return id;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

std::int64_t start_time(Settings const& settings) {
  if (settings.started != 0 && settings.generation == process_generation()) return settings.started;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

wire::Publisher make_identity(Settings const& settings) {
  wire::Publisher identity;
  identity.id = random_id();
  identity.host = host_name();
  identity.pid = static_cast<std::uint64_t>(getpid());
  identity.process = settings.process;
  identity.started = start_time(settings);
  return identity;
}

}  // namespace

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wakeup::~Wakeup() { ::close(fd_); }

void Wakeup::wake() noexcept {
  if (pending_.exchange(true, std::memory_order_acq_rel)) return;
  std::uint64_t const one = 1;
  while (::write(fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Wakeup::nudge() noexcept {
  // Pairs with doze(): of two writes to one word the later sees the earlier, and what was stored before it. So either the ring's head is seen there,
  // or that the sender dozes is seen here. (A fence would do as well; ThreadSanitizer does not know fences.)
  if (dozing_.fetch_or(0, std::memory_order_acq_rel) != 0) wake();
}

void Wakeup::doze(bool rarely) noexcept { dozing_.exchange(rarely ? 1 : 0, std::memory_order_acq_rel); }

void Wakeup::clear(bool readable) noexcept {
  if (!readable && !pending_.load(std::memory_order_acquire)) return;
  std::uint64_t count = 0;
  while (::read(fd_, &count, sizeof count) < 0 && errno == EINTR) {
  }
  pending_.store(false, std::memory_order_release);
}

wire::CallSite EngineCatalogue::site(std::uint64_t ref) const { return publisher::site(ref); }

std::string_view EngineCatalogue::logger(std::uint64_t ref) const { return loggers_->name(ref); }

Engine::Engine(Settings const& settings, Loggers& loggers)
    : settings_(&settings),
      loggers_(&loggers),
      identity_(make_identity(settings)),
      catalogue_(loggers),
      slots_lock_(ForkLock::make()) {
  loggers.get(kOwnLogger);
  open_spool();
  if (spool_) {
    publish_catalogue();
    start_sender();
  }
  report_start();
}

Engine::~Engine() { remove_engine(*this); }

void Engine::add_problem(std::string_view text) {
  if (!problem_.empty()) problem_ += "; ";
  problem_ += text;
}

bool Engine::open_spool_in(std::filesystem::path const& root) noexcept {
  try {
    spool_ =
        std::make_shared<spool::Spool>(spool::Spool::create(root, identity_, anchored(settings_->endpoints)));
    // A spool without room for a ring is none.
    open_shared_ring();
    return true;
  } catch (std::exception const& e) {
    add_problem(e.what());
    if (spool_) spool_->remove();
    spool_.reset();
    return false;
  }
}

void Engine::open_spool() {
  if (open_spool_in(settings_->spool_root)) return;
  for (std::filesystem::path const& root : memory_roots()) {
    if (!open_spool_in(root)) continue;
    memory_backed_ = true;
    add_problem(
        fmt::format("records are kept in {} and do not outlive a reboot; set LOGBOOM_SPOOL to a directory "
                    "that can be written",
                    root.native()));
    return;
  }
  add_problem(
      "no spool can be made, so nothing is logged; set LOGBOOM_SPOOL to a directory that can be written");
}

void Engine::publish_catalogue() {
  std::lock_guard const guard(catalogue_lock());
  add_engine(*this);
  append_all();
}

void Engine::append_all() noexcept {
  append_site(site_count() - 1);
  append_logger(loggers_->count() - 1);
}

void Engine::complete_catalogue() noexcept {
  if (!sites_missing_.load(std::memory_order_relaxed) && !loggers_missing_.load(std::memory_order_relaxed))
    return;
  std::lock_guard const guard(catalogue_lock());
  append_all();
}

// What could not be written (disk full) is tried again with the next one, and by complete_catalogue(), in order.
void Engine::append_site(std::uint32_t id) noexcept {
  try {
    for (; spool_ && sites_written_ <= id; ++sites_written_) spool_->append_site(site(sites_written_));
    sites_missing_.store(false, std::memory_order_relaxed);
  } catch (std::exception const&) {
    sites_missing_.store(true, std::memory_order_relaxed);
  }
}

void Engine::append_logger(std::uint32_t id) noexcept {
  try {
    for (; spool_ && loggers_written_ <= id; ++loggers_written_) {
      spool_->append_logger(loggers_written_, loggers_->name(loggers_written_));
    }
    loggers_missing_.store(false, std::memory_order_relaxed);
  } catch (std::exception const&) {
    loggers_missing_.store(true, std::memory_order_relaxed);
  }
}

std::string Engine::problem() const {
  if (!sites_missing_.load(std::memory_order_relaxed) && !loggers_missing_.load(std::memory_order_relaxed))
    return problem_;
  return problem_ + (problem_.empty() ? "" : "; ") +
         "the spool's catalogue cannot be written (disk full?): records that are not sent before this "
         "process ends may lack their template";
}

std::string Engine::refusal() const {
  std::lock_guard const guard(refusal_mutex_);
  return refusal_;
}

void Engine::set_refusal(std::string line) {
  std::lock_guard const guard(refusal_mutex_);
  refusal_ = std::move(line);
}

void Engine::open_shared_ring() {
  auto slot = std::make_shared<RingSlot>(spool_->create_ring(next_stream_, settings_->ring_capacity));
  slots_.push_back(slot);
  ++next_stream_;
  slot->file.set_thread(identity_.pid, "");
  shared_.ring = slot->file.producer();
  shared_.shared = true;
  shared_.slot = std::move(slot);
  slots_version_.fetch_add(1, std::memory_order_release);
}

void Engine::start_sender() noexcept {
  try {
    sender_ = std::make_unique<Sender>(*this);
  } catch (std::exception const& e) {
    alone_ = true;
    add_problem(fmt::format("records are kept but not sent: {}", e.what()));
  }
}

void Engine::report_start() noexcept {
  if (!problem_.empty()) report(level::kWarning, fmt::format("spool: {}", problem_));
  for (std::string const& warning : settings_->warnings) report(level::kWarning, warning);
}

std::vector<std::shared_ptr<RingSlot>> Engine::slots() const {
  std::lock_guard const guard(slots_lock_);
  return slots_;
}

std::shared_ptr<RingSlot> Engine::take_slot(std::uint64_t tid, std::string_view name) noexcept {
  try {
    std::uint64_t stream = 0;
    std::shared_ptr<spool::Spool> spool;
    {
      std::lock_guard const guard(slots_lock_);
      for (auto const& slot : slots_) {
        if (slot->state.load(std::memory_order_acquire) != RingSlot::State::kFree) continue;
        slot->file.set_thread(tid, name);
        slot->state.store(RingSlot::State::kOwned, std::memory_order_release);
        return slot;
      }
      if (!spool_ || next_stream_ >= wire::kMaxStreams || std::chrono::steady_clock::now() < ring_again_)
        return nullptr;
      stream = next_stream_++;
      spool = spool_;
    }
    // A millisecond's work: not under the lock.
    auto slot = make_slot(*spool, stream);
    slot->file.set_thread(tid, name);
    std::lock_guard const guard(slots_lock_);
    slots_.push_back(slot);
    slots_version_.fetch_add(1, std::memory_order_release);
    return slot;
  } catch (std::exception const&) {
    return nullptr;
  }
}

std::shared_ptr<RingSlot> Engine::make_slot(spool::Spool const& spool, std::uint64_t stream) {
  std::optional<spool::RingFile> ring;
  try {
    ring.emplace(spool.create_ring(stream, settings_->ring_capacity));
  } catch (std::exception const&) {
    // A full disk must not use up the numbers, nor cost every log call an attempt.
    std::lock_guard const guard(slots_lock_);
    if (next_stream_ == stream + 1) next_stream_ = stream;
    ring_again_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    throw;
  }
  return std::make_shared<RingSlot>(*std::move(ring));
}

void Engine::return_slot(RingSlot& slot, detail::RingProducer& producer) const noexcept {
  detail::write_gap_if_pending(producer);
  seal_unsent(slot);
  slot.state.store(RingSlot::State::kReturned, std::memory_order_release);
}

bool Engine::declare_drops(RingSlot& slot) noexcept {
  if (slot.file.pending_drops().count == 0) return false;
  detail::RingProducer producer = slot.file.producer();
  return detail::write_gap_if_pending(producer);
}

void Engine::report(Level level, std::string_view text) noexcept {
  try {
    detail::LoggerNode const& logger = loggers_->get(kOwnLogger);
    if (level < logger.threshold.load_relaxed() || !shared_.slot) return;
    text = text.substr(0, kMaxReport);
    std::size_t const size = detail::record_layout::kHeaderSize + 1 + detail::room(text);
    std::lock_guard const guard(shared_.lock);
    detail::Reservation const reservation = detail::look_and_reserve(shared_.ring, size);
    if (reservation.payload == nullptr) {
      detail::drop(shared_.ring, detail::ticks());
      counters_.dropped.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    detail::record_layout::store_header(reservation.payload, 4, detail::ticks(), message_site(level),
                                        logger.id);
    std::byte* at = detail::put_array_header(reservation.payload + detail::record_layout::kHeaderSize, 1);
    at = detail::put(at, text, detail::kNoLimit);
    detail::commit(shared_.ring, static_cast<std::size_t>(at - reservation.payload));
  } catch (std::exception const&) {
    counters_.dropped.fetch_add(1, std::memory_order_relaxed);
  }
}

void Engine::push_level_rules(std::string_view rules) {
  if (loggers_->set_pushed(LevelRules::parse(rules)) && settings_->levels_changed)
    settings_->levels_changed();
}

bool Engine::flush(std::chrono::nanoseconds timeout) {
  if (sender_) return sender_->flush(timeout);
  return logged() == 0;
}

void Engine::stop(std::chrono::nanoseconds timeout) noexcept {
  if (sender_) sender_->stop(timeout);
  sender_.reset();
  remove_engine(*this);
  // Gives up the lock: what is left is for whoever takes it.
  std::lock_guard const guard(slots_lock_);
  spool_.reset();
}

std::uint64_t Engine::logged() const noexcept {
  std::lock_guard const guard(slots_lock_);
  std::uint64_t count = 0;
  for (auto const& slot : slots_) count += slot->file.next_sequence() - 1;
  return count;
}

}  // namespace logboom::publisher
