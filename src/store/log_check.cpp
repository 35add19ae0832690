#include "store/log_check.hpp"

#include "store/aside_name.hpp"
#include "store/log_transaction.hpp"
#include "store/output_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace logboom::store {
namespace {

// The format: https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log". Numbers are big-endian, words of checksums as the magic number says.
constexpr std::size_t kHeader = 32, kHeaderSummed = 24;
constexpr std::size_t kFrameHeader = kLogFrameHeader, kFrameSummed = 8;
constexpr std::uint32_t kMagic = 0x377f'0682U;  // the lowest bit: big-endian checksums
constexpr std::uint32_t kVersion = 3'007'000;
// Of a page's content at the place where it was before: most of it if it is that page, little if it is another.
constexpr double kAlike = 0.5, kUnlike = 0.125;
constexpr int kStrange = 3;  // frames in a row that are none of this log's, then it has ended

std::uint32_t load(std::byte const* at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}

void store(std::byte* at, std::uint32_t value) noexcept {
  if (std::endian::native == std::endian::little) value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}

struct Sum {
  std::uint32_t a = 0, b = 0;
  friend bool operator==(Sum const&, Sum const&) = default;
};

int bits_between(Sum x, Sum y) noexcept { return std::popcount(x.a ^ y.a) + std::popcount(x.b ^ y.b); }

Sum load_sum(std::byte const* at) noexcept { return {load(at), load(at + 4)}; }
void store_sum(std::byte* at, Sum sum) noexcept {
  store(at, sum.a);
  store(at + 4, sum.b);
}

/// The checksum is linear, so that a sum which is wrong tells by how much each bit would have made it so.
class Summer {
 public:
  explicit Summer(bool big_endian) : swap_(big_endian != (std::endian::native == std::endian::big)) {}

  Sum add(Sum sum, std::span<std::byte const> bytes) const noexcept {
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      sum.a += word(bytes.data() + at) + sum.b;
      sum.b += word(bytes.data() + at + 4) + sum.a;
    }
    return sum;
  }

  using Bit = std::pair<std::size_t, unsigned>;  // byte and bit

  /// The bits of `bytes`, over which `found` was computed, any one of which makes it `wanted` when it is turned round. (Of the higher bits of a word the sums say only in which of
  /// some words they are.) `after`: 8-byte steps that were summed behind `bytes`.
  std::vector<Bit> wrong_bits(std::span<std::byte const> bytes, std::size_t after, Sum found, Sum wanted) const {
    std::vector<Bit> candidates;
    Sum const off{wanted.a - found.a, wanted.b - found.b};
    Sum even{1, 1}, odd{0, 1};  // what one more in the first, the second word of the last step adds to the sum
    for (; after > 0; --after) step(even), step(odd);
    for (std::size_t at = bytes.size(); at >= 8; at -= 8) {
      for (auto const& [factor, place] : {std::pair{even, at - 8}, std::pair{odd, at - 4}}) {
        std::uint32_t const now = word(bytes.data() + place);
        for (unsigned bit = 0; bit < 32; ++bit) {
          std::uint32_t const change = (now >> bit & 1U) != 0 ? 0U - (1U << bit) : 1U << bit;
          if (factor.a * change != off.a || factor.b * change != off.b) continue;
          unsigned const byte = bit / 8;  // from the lowest of the word
          bool const little = (std::endian::native == std::endian::little) != swap_;
          candidates.emplace_back(place + (little ? byte : 3 - byte), bit % 8);
        }
      }
      step(even), step(odd);
    }
    return candidates;
  }

 private:
  static void step(Sum& sum) noexcept {
    sum.a += sum.b;
    sum.b += sum.a;
  }
  std::uint32_t word(std::byte const* at) const noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return swap_ ? __builtin_bswap32(value) : value;
  }
  bool swap_;
};

void turn(std::byte* bytes, Summer::Bit bit) noexcept {
  bytes[bit.first] ^= static_cast<std::byte>(1U << bit.second);
}

/// A file's bytes: private, so that they can be put right without touching it, or shared.
class Bytes {
 public:
  Bytes(std::string const& path, bool writable) {
    int const file = ::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (file < 0 && errno == ENOENT && !writable) return;
    if (file < 0) fail("cannot open", path);
    struct stat status {};
    bool failed = ::fstat(file, &status) != 0;
    size_ = static_cast<std::size_t>(status.st_size);
    if (!failed && size_ > 0) {
      void* const at =
          ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, writable ? MAP_SHARED : MAP_PRIVATE, file, 0);
      failed = at == MAP_FAILED;
      if (!failed) data_ = static_cast<std::byte*>(at);
    }
    int const error = errno;
    ::close(file);
    errno = error;
    if (failed) fail("cannot read", path);
  }
  ~Bytes() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  Bytes(Bytes const&) = delete;
  Bytes& operator=(Bytes const&) = delete;

  std::byte* data() noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool sync() const noexcept { return data_ == nullptr || ::msync(data_, size_, MS_SYNC) == 0; }

 private:
  [[noreturn]] static void fail(char const* what, std::string const& path) {
    throw std::system_error(errno, std::generic_category(), std::string(what) + " " + path);
  }
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Goes through a log and puts its bytes right as far as checksums prove how.
class Walk {
 public:
  explicit Walk(Bytes& bytes) : bytes_(bytes) {}

  LogState run() {
    if (bytes_.size() < kHeader + kFrameHeader + 512 || !take_header()) return {};
    read_frames();
    settle_headers();
    settle();
    return std::move(state_);
  }

  /// Checksums anew, of all that was committed: what could not be put right is taken as it is. After run().
  void chain_anew() noexcept {
    std::byte* const header = bytes_.data();
    Sum sum = summer_.add({}, {header, kHeaderSummed});
    store_sum(header + kHeaderSummed, sum);
    for (std::size_t i = 0; i < committed_; ++i) {
      std::byte* const frame = at(i);
      if (frames_[i].strange) copy_over(i);
      store(frame + 8, salt_.a);
      store(frame + 12, salt_.b);
      sum = summer_.add(summer_.add(sum, {frame, kFrameSummed}), page_of(frame));
      store_sum(frame + 16, sum);
    }
  }

 private:
  struct Frame {
    bool whole = false;  // proven, if need be after a bit was put right
    bool healed = false;
    bool flawed = false;   // one bit of it is wrong, and it is not known which
    bool strange = false;  // not even its header can be believed
    std::uint32_t commit = 0;
    std::size_t wrong_at = 0;  // in the frame, as the next
    std::byte wrong_bit{};
    std::vector<Summer::Bit> of_header;  // flawed: bits of the page's number and of the commit that may be what is wrong
    std::vector<std::uint32_t> pages;  // more than one: that it may be of
  };

  std::byte* at(std::size_t frame) noexcept {
    return bytes_.data() + kHeader + frame * (kFrameHeader + page_size_);
  }
  std::span<std::byte> page_of(std::byte* frame) const noexcept { return {frame + kFrameHeader, page_size_}; }
  Sum sum_of(Sum before, std::byte* frame) const noexcept {
    return summer_.add(summer_.add(before, {frame, kFrameSummed}), page_of(frame));
  }

  bool plausible_header() noexcept {
    std::byte const* const header = bytes_.data();
    page_size_ = load(header + 8);
    return (load(header) | 1U) == (kMagic | 1U) && load(header + 4) == kVersion &&
           std::has_single_bit(page_size_) && page_size_ >= 512 && page_size_ <= 65'536;
  }

  bool take_header() {
    std::byte* const header = bytes_.data();
    for (std::uint32_t const big : {0U, 1U}) {
      summer_ = Summer(big != 0);
      Sum const found = summer_.add({}, {header, kHeaderSummed});
      Sum const stored = load_sum(header + kHeaderSummed);
      if (found == stored && plausible_header()) return begin(stored);
      // A wrong bit in the sum and one in some words look alike, but for the first frame.
      if (bits_between(found, stored) == 1 && plausible_header() && first_follows(found))
        return mend_sum(found);
      for (auto const& bit : summer_.wrong_bits({header, kHeaderSummed}, 0, found, stored)) {
        turn(header, bit);
        bool const fits =
            plausible_header() && (load(header) & 1U) == big && std::memcmp(header + 16, at(0) + 8, 8) == 0;
        if (fits) {
          state_.damage.push_back({0, 0, true});
          return begin(stored);
        }
        turn(header, bit);
      }
      if (bits_between(found, stored) == 1 && plausible_header()) return mend_sum(found);
    }
    return rebuild_header();
  }

  bool first_follows(Sum sum) noexcept {
    return bytes_.size() >= kHeader + kFrameHeader + page_size_ && sum_of(sum, at(0)) == load_sum(at(0) + 16);
  }

  bool mend_sum(Sum sum) {
    store_sum(bytes_.data() + kHeaderSummed, sum);
    state_.damage.push_back({0, 0, true});
    return begin(sum);
  }

  /// From what the first frame says of itself. The sum that its own begins with is gone with the header, unless that is the part that is whole.
  bool rebuild_header() noexcept {
    std::byte* const header = bytes_.data();
    constexpr std::array<std::uint32_t, 3> kSizes{16'384, 4'096, 65'536};
    for (std::uint32_t const size : kSizes) {
      page_size_ = size;
      if (bytes_.size() < kHeader + 2 * (kFrameHeader + size)) continue;
      std::byte* const first = at(0);
      std::byte* const second = at(1);
      bool const alike = std::memcmp(first + 8, second + 8, 8) == 0;
      summer_ = Summer(false);
      if (!alike || sum_of(load_sum(first + 16), second) != load_sum(second + 16)) continue;
      store(header, kMagic);
      store(header + 4, kVersion);
      store(header + 8, size);
      std::memcpy(header + 16, first + 8, 8);
      Sum const sum = summer_.add({}, {header, kHeaderSummed});
      state_.damage.push_back({0, 0, false});
      rechain_ = true;
      return begin(sum);
    }
    return false;
  }

  bool begin(Sum sum) noexcept {
    sum_ = sum;
    salt_ = load_sum(bytes_.data() + 16);
    return true;
  }

  void read_frames() {
    std::size_t const size = kFrameHeader + page_size_;
    int strange = 0;
    for (std::size_t i = 0; kHeader + (i + 1) * size <= bytes_.size() && strange < kStrange; ++i) {
      frames_.push_back(take_frame(i));
      strange = frames_.back().strange ? strange + 1 : 0;
    }
  }

  Frame take_frame(std::size_t i) {
    std::byte* const frame = at(i);
    Sum const found = sum_of(sum_, frame);
    Sum const stored = load_sum(frame + 16);
    Sum const salt = load_sum(frame + 8);
    Frame taken;
    taken.commit = load(frame + 4);
    bool const ours = salt == salt_;
    if (found == stored && ours) {
      taken.whole = true;
    } else if (found == stored && bits_between(salt, salt_) == 1) {
      store_sum(frame + 8, salt_);
      taken.whole = taken.healed = true;
    } else if (ours) {
      heal(i, found, stored, taken);
    } else {
      taken.strange = true;
    }
    sum_ = load_sum(frame + 16);
    return taken;
  }

  /// One bit is wrong: in the page, in the frame's header or in its sum. That a single bit explains the sums proves that the frame was written as a whole.
  void heal(std::size_t i, Sum found, Sum stored, Frame& taken) {
    std::byte* const frame = at(i);
    auto bits = summer_.wrong_bits(page_of(frame), 0, found, stored);
    for (auto& bit : bits) bit.first += kFrameHeader;
    auto const of_header = summer_.wrong_bits({frame, kFrameSummed}, page_size_ / 8, found, stored);
    bits.insert(bits.end(), of_header.begin(), of_header.end());
    bool const in_sum = bits_between(found, stored) == 1;
    // A wrong bit in the sum and one in the last word look alike, but for the frame after it. Behind the last frame there is none: nothing is touched then.
    if (in_sum && (bits.empty() || next_follows(i, found))) {
      store_sum(frame + 16, found);
      taken.healed = true;
    } else if (bits.size() == 1 && (!in_sum || next_follows(i, stored))) {
      put_right(i, bits.front(), taken);
    }
    taken.whole = taken.healed || !bits.empty();
    taken.flawed = taken.whole && !taken.healed;
    if (taken.flawed) taken.of_header = of_header;
  }

  void put_right(std::size_t i, Summer::Bit bit, Frame& frame) noexcept {
    turn(at(i), bit);
    frame.wrong_at = bit.first;
    frame.wrong_bit = static_cast<std::byte>(1U << bit.second);
    frame.commit = load(at(i) + 4);
    frame.healed = true;
    frame.flawed = false;
  }

  void settle_headers() {
    for (std::size_t i = 0; i < frames_.size(); ++i)
      if (!frames_[i].of_header.empty()) settle_header(i);
  }

  struct Reading {
    std::optional<Summer::Bit> wrong;  // none: the header says what was written
    LogHeader header;
  };

  /// What the sums leave open of a header, the headers around it may tell, and what pages were before.
  void settle_header(std::size_t i) {
    Frame& frame = frames_[i];
    LogTransaction const transaction(transaction_of(i));
    auto const readings = readings_of(i, transaction);
    if (readings.empty()) return;
    Reading const* const right = right_one(i, transaction, readings);
    if (right == nullptr) {
      for (Reading const& reading : readings) frame.pages.push_back(reading.header.page);
    } else if (right->wrong) {
      put_right(i, *right->wrong, frame);
    }
  }

  std::vector<Reading> readings_of(std::size_t i, LogTransaction const& transaction) noexcept {
    std::vector<Reading> readings;
    LogHeader const said{load(at(i)), frames_[i].commit};
    bool const as_said = transaction.allows(said);
    if (as_said) readings.push_back({std::nullopt, said});
    for (auto const& bit : frames_[i].of_header) {
      turn(at(i), bit);
      LogHeader const other{load(at(i)), load(at(i) + 4)};
      turn(at(i), bit);
      if (!transaction.allows(other)) continue;
      if (as_said && other.commit != said.commit) {
        // Where the log ends a transaction does, unless it was cut off; and then no bit is wrong.
        if (said.commit == 0 && i + 1 == frames_.size()) return {{bit, other}};
        if (said.commit == 0 || other.commit == 0 || transaction.knows_size()) continue;
      }
      readings.push_back({bit, other});
    }
    return readings;
  }

  /// @return nothing: it may be more than one
  Reading const* right_one(std::size_t i, LogTransaction const& transaction,
                           std::vector<Reading> const& readings) noexcept {
    if (readings.size() == 1) return &readings.front();
    auto const needed = [&](Reading const& reading) { return transaction.needs(reading.header); };
    if (std::count_if(readings.begin(), readings.end(), needed) == 1)
      return &*std::find_if(readings.begin(), readings.end(), needed);
    Reading const* right = nullptr;
    for (Reading const& reading : readings) {
      auto const likeness = likeness_to_former(i, reading.header.page);
      if (!likeness || (*likeness > kUnlike && *likeness < kAlike)) return nullptr;
      if (*likeness <= kUnlike) continue;
      if (right != nullptr) return nullptr;
      right = &reading;
    }
    return right;
  }

  /// What part of the page's content stood at the same place when the log last had that page; nothing: it had not.
  std::optional<double> likeness_to_former(std::size_t i, std::uint32_t page) noexcept {
    std::size_t former = i;
    while (former > 0 && (frames_[former - 1].strange || load(at(former - 1)) != page)) --former;
    if (former == 0) return std::nullopt;
    auto const now = page_of(at(i));
    auto const then = page_of(at(former - 1));
    constexpr std::size_t kWord = 8;
    std::size_t alike = 0, all = 0;
    for (std::size_t k = 0; k < now.size(); k += kWord) {
      std::uint64_t a = 0, b = 0;
      std::memcpy(&a, now.data() + k, kWord);
      std::memcpy(&b, then.data() + k, kWord);
      if (a == 0 && b == 0) continue;
      ++all;
      if (a == b) ++alike;
    }
    return all == 0 ? 0 : static_cast<double>(alike) / static_cast<double>(all);
  }

  LogTransaction::Frames transaction_of(std::size_t i) noexcept {
    LogTransaction::Frames found;
    std::size_t begin = i;
    while (begin > 0 && frames_[begin - 1].commit == 0) --begin;
    if (begin > 0) found.size_before = frames_[begin - 1].commit;
    for (std::size_t k = begin; k < i; ++k) found.before.push_back(load(at(k)));
    std::size_t k = i + 1;
    for (; frames_[i].commit == 0 && found.commit == 0 && k < frames_.size(); ++k) {
      found.behind.push_back(load(at(k)));
      found.commit = frames_[k].commit;
    }
    for (; k < frames_.size() && !found.size_later; ++k)
      if (frames_[k].commit != 0) found.size_later = frames_[k].commit;
    return found;
  }

  bool next_follows(std::size_t i, Sum sum) noexcept {
    std::byte* const next = at(i + 1);
    return kHeader + (i + 2) * (kFrameHeader + page_size_) <= bytes_.size() &&
           sum_of(sum, next) == load_sum(next + 16);
  }

  /// Which frames are committed. A frame that is not whole was committed if there is a transaction behind its own: else it may be what a power cut left of one.
  void settle() {
    std::vector<std::size_t> commits;
    for (std::size_t i = 0; i < frames_.size(); ++i)
      if (frames_[i].whole && frames_[i].commit != 0) commits.push_back(i);
    std::size_t end = commits.empty() ? 0 : commits.back() + 1;
    for (std::size_t i = 0; i < end; ++i) {
      if (frames_[i].whole || rechain_) continue;
      auto const later =
          static_cast<std::size_t>(commits.end() - std::upper_bound(commits.begin(), commits.end(), i));
      bool const own_commit = !frames_[i].strange && frames_[i].commit != 0;
      if (later >= (own_commit ? 1U : 2U)) continue;
      auto const before = std::lower_bound(commits.begin(), commits.end(), i);
      end = before == commits.begin() ? 0 : *std::prev(before) + 1;
      break;
    }
    committed_ = end;
    describe();
  }

  void describe() {
    state_.page_size = static_cast<std::uint32_t>(page_size_);
    state_.frames = committed_;
    for (std::size_t i = 0; i < committed_; ++i) {
      auto const offset = static_cast<std::uint64_t>(at(i) - bytes_.data());
      auto const page = frames_[i].strange ? 0 : load(at(i));
      auto const& frame = frames_[i];
      if (!frame.whole || frame.healed || frame.flawed)
        state_.damage.push_back(
            {offset, page, frame.healed, offset + frame.wrong_at, frame.wrong_bit, frame.pages});
      if (page != 0) state_.content.push_back({page, offset + kFrameHeader});
    }
    for (std::size_t i = committed_; i < frames_.size() && !frames_[i].strange; ++i) ++state_.unfinished;
    if (committed_ > 0) state_.pages = frames_[committed_ - 1].commit;
  }

  /// Over a frame of which nothing is known: the one after it says the same once more.
  void copy_over(std::size_t i) noexcept {
    std::memcpy(at(i), at(i + 1), kFrameHeader + page_size_);
    store(at(i) + 4, 0);
  }

  Bytes& bytes_;
  Summer summer_{false};
  std::size_t page_size_ = 0;
  Sum salt_, sum_;
  std::vector<Frame> frames_;
  std::size_t committed_ = 0;
  bool rechain_ = false;  // the header was made anew: the first frame cannot be proven
  LogState state_;
};

}  // namespace

LogState check_log(std::string const& log) {
  Bytes bytes(log, false);
  return Walk(bytes).run();
}

bool in_doubt(LogState const& state) noexcept {
  return std::any_of(state.damage.begin(), state.damage.end(),
                     [](LogDamage const& damage) { return !damage.pages.empty(); });
}

std::string mend_log(std::string const& log) {
  auto copy = aside_name(log, "damaged");
  {
    Bytes const as_it_is(log, false);
    OutputFile to(copy, 0600);
    to.write({const_cast<Bytes&>(as_it_is).data(), as_it_is.size()});
    to.sync();
  }
  Bytes bytes(log, true);
  Walk walk(bytes);
  (void)walk.run();
  walk.chain_anew();
  if (!bytes.sync()) throw std::system_error(errno, std::generic_category(), "cannot write " + log);
  return copy;
}

}  // namespace logboom::store
