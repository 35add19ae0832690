// The simulator of what ships: its sources have no mutations.
#include "mutations.hpp"

int logboom_mutation = 0;

namespace logboom::simulation {

std::span<std::string_view const> source_mutations() { return {}; }

}  // namespace logboom::simulation
