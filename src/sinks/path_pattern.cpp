// Paths with conversions: see path_pattern.hpp.
#include "sinks/path_pattern.hpp"

#include "record/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace logboom::sinks {
namespace {

struct Conversion {
  char letter;
  int width;
  int least;
  int most;
};

constexpr std::array<Conversion, 14> kConversions{{{'Y', 4, 0, 9'999},
                                                   {'G', 4, 0, 9'999},
                                                   {'y', 2, 0, 99},
                                                   {'m', 2, 1, 12},
                                                   {'d', 2, 1, 31},
                                                   {'j', 3, 1, 366},
                                                   {'U', 2, 0, 53},
                                                   {'W', 2, 0, 53},
                                                   {'V', 2, 1, 53},
                                                   {'u', 1, 1, 7},
                                                   {'w', 1, 0, 6},
                                                   {'H', 2, 0, 23},
                                                   {'M', 2, 0, 59},
                                                   {'S', 2, 0, 60}}};

Conversion const* find(char letter) {
  auto const* const found = std::find_if(kConversions.begin(), kConversions.end(),
                                         [&](Conversion const& c) { return c.letter == letter; });
  return found == kConversions.end() ? nullptr : found;
}

/// What a name tells, by conversion; -1: nothing.
class Numbers {
 public:
  Numbers() { values_.fill(-1); }
  /// @return false if it was told before, and otherwise
  bool set(char letter, int value) {
    auto& place = values_[static_cast<std::size_t>(find(letter) - kConversions.data())];
    return std::exchange(place, value) == -1 || place == value;
  }
  int get(char letter) const { return values_[static_cast<std::size_t>(find(letter) - kConversions.data())]; }
  bool has(char letter) const { return get(letter) >= 0; }

 private:
  std::array<int, kConversions.size()> values_{};
};

int year_of(Numbers const& told) {
  if (told.has('Y')) return told.get('Y');
  if (told.has('G')) return told.get('G');
  if (!told.has('y')) return 0;
  return told.get('y') + (told.get('y') < 69 ? 2000 : 1900);
}

/// The day in its week, by what this week begins with.
int weekday_of(Numbers const& told) {
  bool const from_sunday = told.has('U');
  if (told.has('u')) return from_sunday ? told.get('u') % 7 : told.get('u');
  if (told.has('w')) return !from_sunday && told.get('w') == 0 ? 7 : told.get('w');
  return 0;
}

PathPattern::Order order_of(Numbers const& told) {
  PathPattern::Order order{year_of(told)};
  if (told.has('m')) {
    order[1] = told.get('m');
    order[2] = std::max(told.get('d'), 0);
  } else if (told.has('j')) {
    order[2] = told.get('j');
  } else {
    for (char const week : {'U', 'W', 'V'}) order[1] = std::max(order[1], told.get(week));
    order[2] = weekday_of(told);
  }
  order[3] = std::max(told.get('H'), 0);
  order[4] = std::max(told.get('M'), 0);
  order[5] = std::max(told.get('S'), 0);
  return order;
}

std::optional<int> number(std::string_view digits) {
  int value = 0;
  for (char const c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

PathPattern::PathPattern(std::string path, bool utc) : path_(std::move(path)), utc_(utc) {
  if (path_.empty() || path_.back() == '/') {
    throw std::invalid_argument(fmt::format("\"{}\" is not the name of a file; name one", path_));
  }
  if (path_.find('\0') != std::string::npos) {
    throw std::invalid_argument("the name of a file has a NUL byte in it; name one without");
  }
  auto const name = path_.rfind('/') + 1;  // npos + 1 is 0
  for (std::size_t i = 0; i < path_.size(); ++i) {
    if (i == name) name_.clear();
    if (path_[i] != '%') {
      add_text(path_[i]);
      continue;
    }
    char const letter = ++i < path_.size() ? path_[i] : '\0';
    if (letter == '%') {
      add_text('%');
      continue;
    }
    if (letter != 'F' && find(letter) == nullptr) {
      throw std::invalid_argument(
          fmt::format("{}: a path has no %{}; use %Y %y %G %m %d %F %j %U %W %V %u %w %H %M %S, and %% for a "
                      "per cent sign",
                      path_, letter == '\0' ? "" : std::string_view(&letter, 1)));
    }
    fixed_ = false;
    if (i < name) moves_ = true;
    if (letter == 'F') {
      add('Y');
      add_text('-');
      add('m');
      add_text('-');
      add('d');
    } else {
      add(letter);
    }
  }
}

void PathPattern::add(char conversion) { name_.push_back({conversion, {}}); }

void PathPattern::add_text(char c) {
  if (name_.empty() || name_.back().conversion != 0) name_.push_back({0, {}});
  name_.back().text += c;
}

bool PathPattern::ordered() const noexcept {
  auto const has = [&](char letter) {
    return std::any_of(name_.begin(), name_.end(), [&](Part const& p) { return p.conversion == letter; });
  };
  bool const year = has('Y') || has('y');
  bool const week = (year && (has('U') || has('W'))) || (has('G') && has('V'));
  bool const month = year && has('m');
  bool const day = (month && has('d')) || (year && has('j')) || (week && (has('u') || has('w')));
  bool const hour = day && has('H');
  bool const minute = hour && has('M');
  return (year || has('G')) && (!has('m') || month) && (!has('d') || (month && day)) &&
         ((!has('U') && !has('W')) || (year && week)) && (!has('V') || (has('G') && week)) &&
         ((!has('u') && !has('w')) || week || month) && (!has('H') || hour) && (!has('M') || minute) &&
         (!has('S') || minute);
}

std::string PathPattern::at(std::int64_t time) const {
  auto const civil = to_civil(time * 1'000'000'000, utc_);
  std::string out(path_.size() * 4 + 1, '\0');  // no conversion is longer than %F: ten for two
  for (;;) {
    auto const size = std::strftime(out.data(), out.size(), path_.c_str(), &civil.tm);
    if (size > 0) {
      out.resize(size);
      return out;
    }
    out.resize(out.size() * 2);
  }
}

std::optional<PathPattern::Order> PathPattern::match(std::string_view name) const {
  Numbers told;
  for (Part const& part : name_) {
    if (part.conversion == 0) {
      if (!name.starts_with(part.text)) return std::nullopt;
      name.remove_prefix(part.text.size());
      continue;
    }
    Conversion const& conversion = *find(part.conversion);
    auto const width = static_cast<std::size_t>(conversion.width);
    if (name.size() < width) return std::nullopt;
    auto const value = number(name.substr(0, width));
    if (!value || *value < conversion.least || *value > conversion.most || !told.set(part.conversion, *value))
      return std::nullopt;
    name.remove_prefix(width);
  }
  return name.empty() ? std::optional(order_of(told)) : std::nullopt;
}

std::string PathPattern::literal(std::string_view path) {
  std::string out;
  for (char const c : path) out.append(c == '%' ? 2 : 1, c);
  return out;
}

}  // namespace logboom::sinks
