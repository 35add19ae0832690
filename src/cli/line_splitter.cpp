// Bytes in, lines out. Must not know where they come from.
#include "cli/line_splitter.hpp"

#include "record/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace logboom::cli {

void LineSplitter::add(std::string_view bytes) {
  for (;;) {
    auto const end = bytes.find('\n');
    append(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void LineSplitter::finish() {
  if (!line_.empty()) end_line();
}

void LineSplitter::append(std::string_view part) {
  auto const room = std::min(bound_ - line_.size(), part.size());
  line_.append(part.substr(0, room));
  cut_ += part.size() - room;
}

void LineSplitter::end_line() {
  if (cut_ > 0) {
    auto const kept = whole_prefix(line_, line_.size());
    cut_ += line_.size() - kept;
    line_.resize(kept);
    line_ += fmt::format("…[cut {} bytes]", cut_);
  } else if (!line_.empty() && line_.back() == '\r') {
    line_.pop_back();
  }
  take_(line_);
  line_.clear();
  cut_ = 0;
}

}  // namespace logboom::cli
