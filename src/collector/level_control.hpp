// Level rules on the fly: takes changes, keeps them over a restart, ends them when their time is over, and sees to it that every publisher has heard of them.
// Must not know sockets: messages go out through a function.
#pragma once

#include "collector/own_log.hpp"
#include "collector/publisher_table.hpp"
#include "collector/rules_file.hpp"
#include "collector/rules_in_force.hpp"
#include "delivery/control.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace logboom::collector {

class LevelControl {
 public:
  /// Publishers in a turn of the intake, if that takes no longer than kLongestTurn.
  static constexpr std::size_t kToldAtOnce = 1'024;
  static constexpr std::chrono::milliseconds kLongestTurn{20};
  static constexpr std::size_t kMaxBaseShown = 8U << 10U;  // bytes of the collector's own rules in an answer

  using Now = std::function<std::int64_t()>;  // ns since the epoch
  /// Sends it the rules. @return false: no room now, try again
  using Tell = std::function<bool(ConnectedPublisher& publisher, std::string const& rules)>;

  /// @param base the collector's own rules; @param file see RulesFile; @param host of the collector, for its own records
  LevelControl(std::string const& base, std::string file, std::string host, PublisherTable& publishers,
               OwnLog& log, Now now, Tell tell);

  /// The rules for somebody who said hello. Once it has got them, and before anybody else's: welcomed().
  std::string const& rules_for(ConnectedPublisher const& publisher);
  void welcomed(ConnectedPublisher& publisher);

  /// Rules, or an Error. Blocks while the rules are written to their file.
  delivery::Control change(delivery::ChangeRules const& wanted);
  /// Other rules of the collector's own. Those for which there is no room beside the ones set on the fly are told of, and change nothing.
  void set_base(std::string const& base);

  /// Ends what is over, and tells those who have not heard. @return whether somebody is left to be told
  bool settle();

  std::size_t size() const noexcept { return rules_.list().size(); }

 private:
  void spread();
  void keep();
  delivery::Rules state(std::uint64_t changed) const;

  RulesInForce rules_;
  RulesFile const file_;
  std::string const host_;
  PublisherTable& publishers_;
  OwnLog& log_;
  Now const now_;
  Tell const tell_;
  std::string not_kept_;
  std::vector<PublisherId> untold_;
  RulesInForce::Told welcoming_;  // what rules_for() gave last
};

}  // namespace logboom::collector
