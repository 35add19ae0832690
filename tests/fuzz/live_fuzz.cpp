// What a viewer reads from the network: live records, counters, fields. Whatever is taken can be shown in every format.
#include "record/formatter.hpp"
#include "record/record_codec.hpp"
#include "record/utf8.hpp"

#include <cstdlib>
#include <span>

namespace {

using namespace logboom;

void show(Record const& record) {
  static Formatter const formatters[] = {
      Formatter::make("pretty"), Formatter::make("json"), Formatter::make("csv"), Formatter::make("logfmt"),
      Formatter::make("%(asctime)s %(levelname)-8s %(name)s %(message)s %(fields)r")};
  for (Formatter const& formatter : formatters) {
    std::string out;
    formatter.format(record, out);
    if (out.empty() || out.back() != '\n' || !is_utf8(out)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  std::span<std::byte const> const frame(reinterpret_cast<std::byte const*>(data), size);
  try {
    std::uint64_t n = 0;
    show(decode_live(frame, &n));
  } catch (wire::FrameError const&) {
  }
  try {
    (void)decode_counters(frame);
  } catch (wire::FrameError const&) {
  }
  try {
    Fields const fields = decode_fields(text);
    std::string again;
    encode_fields(fields, again);
    // NaN is not equal to itself: compare what is encoded
    std::string twice;
    encode_fields(decode_fields(again), twice);
    if (again != twice) std::abort();
  } catch (wire::FrameError const&) {
  }
  try {
    (void)parse_fields_json(text);
  } catch (wire::FrameError const&) {
  }
  return 0;
}
