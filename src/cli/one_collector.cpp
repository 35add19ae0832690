#include "cli/one_collector.hpp"

#include "cli/commands.hpp"

#include <fmt/format.h>

namespace logboom::cli {

delivery::Endpoint one_collector(std::string const& given) {
  auto const named = delivery::resolve_endpoints(given);
  if (named.size() == 1) return named.front();
  std::string list;
  for (auto const& endpoint : named) list += (list.empty() ? "" : ",") + endpoint.text;
  throw Failure(kUsage, fmt::format("{}: {}several addresses; name the one collector to look at", list,
                                    given.empty() ? "LOGBOOM_ENDPOINT has " : ""));
}

}  // namespace logboom::cli
