// The filter in its three parts. Must not know what becomes of the records.
#include "sinks/selector.hpp"

#include <algorithm>

namespace logboom::sinks {
namespace {

std::optional<Matcher> unless_empty(Filter filter) {
  if (filter == Filter{}) return std::nullopt;
  return Matcher(std::move(filter));
}

}  // namespace

Selector::Selector(Filter const& filter) {
  Filter site;
  site.level = filter.level;
  site.loggers = filter.loggers;
  Filter source;
  source.hosts = filter.hosts;
  source.processes = filter.processes;
  source.pids = filter.pids;
  Filter content = filter;
  content.level.reset();
  content.loggers.clear();
  content.hosts.clear();
  content.processes.clear();
  content.pids.clear();
  site_ = unless_empty(std::move(site));
  source_ = unless_empty(std::move(source));
  content_ = unless_empty(std::move(content));
}

std::size_t Selector::select(Block const& block, std::vector<bool>& selected) const {
  selected.assign(block.entries.size(), true);
  if (!site_ && !source_) return selected.size();
  Record record;
  std::vector<bool> sites(block.sites.size(), true);
  for (std::size_t i = 0; site_ && i < sites.size(); ++i) {
    record.level = block.sites[i]->level;
    record.logger = block.sites[i]->logger;
    sites[i] = site_->matches(record);
  }
  std::vector<bool> sources(block.sources.size(), true);
  for (std::size_t i = 0; source_ && i < sources.size(); ++i) {
    record.host = block.sources[i]->host;
    record.process = block.sources[i]->process;
    record.pid = block.sources[i]->pid;
    sources[i] = source_->matches(record);
  }
  for (std::size_t i = 0; i < selected.size(); ++i)
    selected[i] = sites[block.entries[i].site] && sources[block.entries[i].source];
  return static_cast<std::size_t>(std::count(selected.begin(), selected.end(), true));
}

}  // namespace logboom::sinks
