#include "store/store_reader.hpp"

#include "store/closed_files.hpp"
#include "store/file_reader.hpp"
#include "store/page.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace logboom::store {
namespace {

constexpr std::size_t kOpenFiles = 4;  // closed ones, between searches

using File = std::shared_ptr<FileReader>;

bool is_there(std::string const& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

}  // namespace

/// The files as they are now. The current one is looked at first: what it was before is among the closed ones by then.
struct StoreReader::Impl {
  explicit Impl(std::string file) : path(std::move(file)) { refresh(); }

  void refresh();
  void list();
  File open(std::int64_t first_id);
  File open_listed(std::int64_t first_id);
  File prepared(std::string const& file, bool is_closed) const;

  std::string const path;
  std::function<bool()> stop;
  std::function<void(std::string const&)> tell;
  File current;
  std::vector<ClosedFile> closed;                   // before the current one, ascending
  std::vector<std::pair<std::int64_t, File>> kept;  // by first id; used last at the end
};

File StoreReader::Impl::prepared(std::string const& file, bool is_closed) const {
  auto made = std::make_shared<FileReader>(file, is_closed);
  if (stop) made->stop_when(stop);
  return made;
}

void StoreReader::Impl::refresh() {
  if (current && !current->moved()) return;
  try {
    current = prepared(path, false);
  } catch (StoreError const&) {
    if (current && !is_there(path)) return;  // moved away: what is open is still there
    throw;
  }
  list();
}

void StoreReader::Impl::list() {
  closed = list_closed(path);
  std::erase_if(closed, [this](ClosedFile const& file) { return file.first_id >= current->first_id(); });
}

File StoreReader::Impl::open_listed(std::int64_t first_id) {
  // From when a file is listed until it is opened it may be compressed, or removed.
  for (int i = 0; i < 3; ++i) {
    auto const file = std::lower_bound(closed.begin(), closed.end(), first_id,
                                       [](ClosedFile const& a, std::int64_t id) { return a.first_id < id; });
    if (file == closed.end() || file->first_id != first_id) return nullptr;
    try {
      return prepared(file->path, true);
    } catch (StoreError const&) {
      if (is_there(file->path)) throw;
      closed = list_closed(path);
    }
  }
  return nullptr;
}

/// Nothing when it is there no more.
File StoreReader::Impl::open(std::int64_t first_id) {
  auto const known =
      std::find_if(kept.begin(), kept.end(), [&](auto const& one) { return one.first == first_id; });
  if (known != kept.end()) {
    std::rotate(known, known + 1, kept.end());
    return kept.back().second;
  }
  File file = open_listed(first_id);
  if (!file) {
    if (tell)
      tell(
          fmt::format("the file of {} that begins with record {} was removed while the store was read; its "
                      "records are left out",
                      path, first_id));
    return nullptr;
  }
  if (kept.size() == kOpenFiles) kept.erase(kept.begin());
  kept.emplace_back(first_id, file);
  return file;
}

/// Over the files that were there when it began. What was then the current one stays open, whatever becomes of it.
struct StoreReader::Search::State {
  State(Impl& from, Query const& asked);

  bool walk(Visit const& visit);
  bool find();
  bool show(Visit const& visit);
  bool begin_part(std::size_t wanted);
  File file_of(std::size_t span) {
    return spans[span].first_id == current->first_id() ? current : reader.open(spans[span].first_id);
  }

  struct Span {
    std::int64_t first_id;      // of the file
    std::int64_t after, up_to;  // what is asked for of it
  };
  struct Found {
    std::size_t span;
    std::vector<std::int64_t> ids;  // the newest first; visited from the end
  };

  Impl& reader;
  Query query;
  std::optional<WordTest> words;
  File const current;
  std::vector<Span> spans;  // ascending
  std::size_t next;         // of spans; with `last` the one after it
  std::size_t missing;      // so many of the newest are still looked for
  std::vector<Found> found;
  File file;
  std::optional<FileReader::Search> part;
};

StoreReader::Search::State::State(Impl& from, Query const& asked)
    : reader(from), query(asked), current(from.current), missing(asked.last) {
  Matcher const refuse_malformed(query.filter);
  if (!query.text.empty()) words.emplace(query.text);
  std::int64_t last = current->last_id();
  if (query.up_to_id > 0) last = std::min(last, query.up_to_id);
  std::int64_t const after = std::max<std::int64_t>(query.after_id, 0);
  std::vector<std::int64_t> begins;
  for (ClosedFile const& one : reader.closed) begins.push_back(one.first_id);
  begins.push_back(current->first_id());
  for (std::size_t i = 0; i < begins.size(); ++i) {
    std::int64_t const end = i + 1 < begins.size() ? begins[i + 1] - 1 : last;
    Span const span{begins[i], std::max(after, begins[i] - 1), std::min(last, end)};
    if (span.after < span.up_to) spans.push_back(span);
  }
  next = query.last > 0 ? spans.size() : 0;
}

/// Opens the file of the span `next`. @return false: it is there no more.
bool StoreReader::Search::State::begin_part(std::size_t wanted) {
  file = file_of(next);
  if (!file) return false;
  Query of_file = query;
  of_file.after_id = spans[next].after;
  of_file.up_to_id = spans[next].up_to;
  of_file.last = wanted;
  part.emplace(file->search(of_file, words ? &*words : nullptr));
  return true;
}

bool StoreReader::Search::State::walk(Visit const& visit) {
  if (next == spans.size()) return false;
  bool stopped = false;
  bool const more = (part || begin_part(0)) && part->walk([&](Record const& record) {
    stopped = !visit(record);
    return !stopped;
  });
  if (stopped) {
    next = spans.size();
  } else if (!more) {
    part.reset();
    ++next;
  }
  return next < spans.size();
}

bool StoreReader::Search::State::find() {
  if (!part) {
    --next;
    if (!begin_part(missing)) return next > 0;
    found.push_back({next, {}});
  }
  if (part->find(found.back().ids)) return true;
  missing -= std::min(missing, found.back().ids.size());
  part.reset();
  return missing > 0 && next > 0;
}

bool StoreReader::Search::State::show(Visit const& visit) {
  Page page;
  while (!found.empty() && !page.full()) {
    auto& [span, ids] = found.back();
    File const from = ids.empty() ? nullptr : file_of(span);
    if (!from) {
      found.pop_back();
      continue;
    }
    if (auto record = from->fetch(ids.back())) page.add(std::move(*record));
    ids.pop_back();
  }
  return page.visit(visit) && !found.empty();
}

StoreReader::Search::Search(std::unique_ptr<State> state) : state_(std::move(state)) {}
StoreReader::Search::Search(Search&&) noexcept = default;
StoreReader::Search& StoreReader::Search::operator=(Search&&) noexcept = default;
StoreReader::Search::~Search() = default;

bool StoreReader::Search::step(Visit const& visit) {
  State& state = *state_;
  if (state.query.last == 0) return state.walk(visit);
  if (state.missing > 0 && (state.part || state.next > 0)) {
    if (!state.find()) state.missing = 0;
    return true;
  }
  return state.show(visit);
}

StoreReader::StoreReader(std::string const& path) : impl_(std::make_unique<Impl>(path)) {}
StoreReader::~StoreReader() = default;
StoreReader::StoreReader(StoreReader&&) noexcept = default;
StoreReader& StoreReader::operator=(StoreReader&&) noexcept = default;

void StoreReader::stop_when(std::function<bool()> stop) {
  impl_->stop = std::move(stop);
  impl_->current->stop_when(impl_->stop);
  for (auto const& [first_id, file] : impl_->kept) file->stop_when(impl_->stop);
}

void StoreReader::tell_of_removed(std::function<void(std::string const&)> tell) {
  impl_->tell = std::move(tell);
}

std::int64_t StoreReader::last_id() const {
  impl_->refresh();
  return impl_->current->last_id();
}

std::optional<Record> StoreReader::fetch(std::int64_t id) const {
  impl_->refresh();
  if (id >= impl_->current->first_id()) return impl_->current->fetch(id);
  auto const after =
      std::upper_bound(impl_->closed.begin(), impl_->closed.end(), id,
                       [](std::int64_t wanted, ClosedFile const& file) { return wanted < file.first_id; });
  if (after == impl_->closed.begin()) return std::nullopt;
  File const file = impl_->open(std::prev(after)->first_id);
  return file ? file->fetch(id) : std::nullopt;
}

void StoreReader::range(std::int64_t first, std::int64_t last, Visit const& visit) const {
  Query all;
  all.after_id = std::max<std::int64_t>(first, 1) - 1;
  all.up_to_id = last;
  if (first <= last && last > 0) query(all, visit);
}

StoreReader::Search StoreReader::search(Query const& query) const {
  impl_->refresh();
  return Search(std::make_unique<Search::State>(*impl_, query));
}

void StoreReader::query(Query const& query, Visit const& visit) const {
  Search search = this->search(query);
  while (search.step(visit)) {
  }
}

}  // namespace logboom::store

namespace logboom {

void query(std::string const& database, Query const& query, std::function<bool(Record const&)> const& visit) {
  store::StoreReader reader(database);
  reader.tell_of_removed(query.notice);
  reader.query(query, visit);
}

}  // namespace logboom
