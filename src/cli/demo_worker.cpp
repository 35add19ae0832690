// A worker of `logboom demo`: solves Laplace's equation on a square plate by successive over-relaxation and logs every sweep.
// It is what a user's program looks like; it must not know the demo.
#include "cli/demo_worker.hpp"

#include <logboom/logboom.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <thread>
#include <vector>

namespace logboom::cli {
namespace {

using Clock = std::chrono::steady_clock;

class Plate {
 public:
  explicit Plate(std::size_t side) : side_(side), values_(side * side, 0.0) {
    for (std::size_t x = 0; x < side; ++x) {
      values_[x] =
          std::sin(std::numbers::pi * static_cast<double>(x) / static_cast<double>(side - 1));  // the hot edge
    }
  }

  /// One sweep of successive over-relaxation (Young 1950). @return the largest change of a cell
  double sweep(double omega) {
    double largest = 0;
    for (std::size_t y = 1; y + 1 < side_; ++y) {
      for (std::size_t x = 1; x + 1 < side_; ++x) {
        double& cell = values_[y * side_ + x];
        double const mean = (values_[y * side_ + x - 1] + values_[y * side_ + x + 1] +
                             values_[(y - 1) * side_ + x] + values_[(y + 1) * side_ + x]) /
                            4;
        double const change = omega * (mean - cell);
        cell += change;
        largest = std::max(largest, std::abs(change));
      }
    }
    return largest;
  }

  std::size_t cells() const { return values_.size(); }

 private:
  std::size_t side_;
  std::vector<double> values_;
};

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

class Counted {
 public:
  explicit Counted(std::atomic<std::uint64_t>& count) : count_(count) {}
  ~Counted() { count_.fetch_add(1, std::memory_order_relaxed); }  // the log call has returned
  Counted(Counted const&) = delete;
  Counted& operator=(Counted const&) = delete;

 private:
  std::atomic<std::uint64_t>& count_;
};

}  // namespace

void solve_plates(std::size_t side, std::chrono::milliseconds duration, std::atomic<std::uint64_t>& returned) {
  Publisher bus;
  auto const log = bus.logger("solver.grid");
  auto const end = Clock::now() + duration;
  auto next_report = Clock::now();
  double mean = 0;
  for (int plate_number = 1; Clock::now() < end; ++plate_number) {
    Context const context{field("plate", plate_number)};
    Plate plate(side);
    double const omega = 2 / (1 + std::sin(std::numbers::pi / static_cast<double>(side)));
    {
      Counted const counted(returned);
      LOGBOOM_DEBUG(log, "plate of {cells} cells, omega {omega:.4f}", plate.cells(), omega);
    }
    double residual = 1;
    auto const began_plate = Clock::now();
    for (int sweep = 1; residual > 1e-9 && Clock::now() < end; ++sweep) {
      auto const began = Clock::now();
      residual = plate.sweep(omega);
      {
        Counted const counted(returned);
        LOGBOOM_DEBUG(log, "sweep {sweep}: residual {residual:.3e} in {ms:.3f} ms", sweep, residual,
                      milliseconds_since(began));
      }
      if (Clock::now() >= next_report) {
        next_report += std::chrono::milliseconds(700);
        Counted const counted(returned);
        LOGBOOM_INFO(log, "solving {cells} cells: residual {residual:.1e} after {sweep} sweeps",
                     plate.cells(), residual, sweep);
      }
      if (sweep % 8 == 0)
        std::this_thread::sleep_for(
            std::chrono::milliseconds(1));  // leaves the machine to the collector and the terminal
    }
    double const ms = milliseconds_since(began_plate);
    mean = plate_number == 1 ? ms : 0.9 * mean + 0.1 * ms;
    if (ms > 1.5 * mean) {
      Counted const counted(returned);
      LOGBOOM_WARNING(log, "slow plate: {ms:.1f} ms, the mean is {mean:.1f} ms", ms, mean);
    }
  }
}

}  // namespace logboom::cli
