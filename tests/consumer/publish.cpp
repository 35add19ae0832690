// The five-line publisher, as a user writes it. Endpoint and spool come from LOGBOOM_ENDPOINT and LOGBOOM_SPOOL.
#include <logboom/logboom.hpp>

int main() {
  logboom::Publisher bus;
  auto log = bus.logger("solver.grid");
  int const cells = 4096;
  double const ms = 12.34;
  LOGBOOM_INFO(log, "solved {cells} cells in {ms:.1f} ms", cells, ms);
  LOGBOOM_WARNING(log, "residual {}", 0.5, logboom::field("step", 7));
  return 0;
}
