// Loggers and their levels: see loggers.hpp.
#include "publisher/loggers.hpp"

#include "publisher/registry.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <mutex>

namespace logboom::publisher {
namespace {

std::size_t bucket_of(std::string_view name, std::size_t buckets) {
  return std::hash<std::string_view>()(name) % buckets;
}

std::string_view copy_for_ever(std::string_view text) {
  auto* const copy = new char[text.size() + 1];
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

// Not within a character.
std::string_view cut(std::string_view name, std::size_t size) {
  if (name.size() <= size) return name;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0U) == 0x80U) --size;
  return name.substr(0, size);
}

}  // namespace

Loggers::Loggers(State& owner, LevelRules rules)
    : owner_(&owner),
      lock_(ForkLock::make()),
      own_(new LevelRules(std::move(rules))),
      effective_(new LevelRules(*own_.load())) {
  std::lock_guard const guard(lock_);
  add("");
}

detail::LoggerNode& Loggers::get(std::string_view name) {
  name = cut(name, kMaxName);
  std::lock_guard const guard(lock_);
  if (detail::LoggerNode* const known = find(name)) return *known;
  // Numbers have 16 bits.
  if (nodes_.count() == 0xffff) return nearest(name);
  return add(name);
}

std::string_view Loggers::name(std::uint64_t id) const noexcept {
  return id < nodes_.count() ? nodes_.at(static_cast<std::uint32_t>(id))->name : std::string_view{};
}

detail::LoggerNode* Loggers::find(std::string_view name) const noexcept {
  detail::LoggerNode* node = buckets_[bucket_of(name, kBuckets)].load(std::memory_order_acquire);
  while (node != nullptr && node->name != name) node = node->next;
  return node;
}

detail::LoggerNode& Loggers::nearest(std::string_view name) const noexcept {
  while (!name.empty()) {
    std::size_t const dot = name.rfind('.');
    name = name.substr(0, dot == std::string_view::npos ? 0 : dot);
    if (detail::LoggerNode* const known = find(name)) return *known;
  }
  return *nodes_.at(0);
}

detail::LoggerNode& Loggers::add(std::string_view name) {
  auto& bucket = buckets_[bucket_of(name, kBuckets)];
  std::lock_guard const guard(catalogue_lock());
  auto const id = static_cast<std::uint16_t>(nodes_.count());
  State* const live = closed_.load() ? nullptr : owner_;
  auto* const node = new detail::LoggerNode{
      effective_.load()->level_for(name), id, live, owner_, copy_for_ever(name), bucket.load()};
  nodes_.add(node);
  logger_added(*this, id);
  bucket.store(node, std::memory_order_release);
  return *node;
}

bool Loggers::set_rules(LevelRules rules) {
  auto* const fresh = new LevelRules(std::move(rules));
  std::lock_guard const guard(lock_);
  delete own_.exchange(fresh);
  return apply();
}

bool Loggers::set_pushed(LevelRules rules) {
  auto* const fresh = rules.empty() ? nullptr : new LevelRules(std::move(rules));
  std::lock_guard const guard(lock_);
  delete pushed_.exchange(fresh);
  return apply();
}

LevelRules Loggers::rules() const {
  std::lock_guard const guard(lock_);
  return *effective_.load();
}

bool Loggers::apply() {
  LevelRules const* const pushed = pushed_.load();
  auto* const fresh = new LevelRules(pushed != nullptr ? own_.load()->overlaid(*pushed) : *own_.load());
  LevelRules const* const before = effective_.exchange(fresh);
  bool const changed = *before != *fresh;
  delete before;
  for (std::uint32_t id = 0; id < nodes_.count(); ++id) {
    detail::LoggerNode& node = *nodes_.at(id);
    node.threshold.store_relaxed(fresh->level_for(node.name));
  }
  return changed;
}

void Loggers::close() noexcept {
  std::lock_guard const guard(lock_);
  closed_.store(true);
  for (std::uint32_t id = 0; id < nodes_.count(); ++id) nodes_.at(id)->live.store_release(nullptr);
}

}  // namespace logboom::publisher
