// Faults that the simulation must notice: of what is around the protocol, known by every simulator, and of the protocol's sources (mutations.cmake), which only simulate_mutants has.
#pragma once

#include <span>
#include <string_view>

/// The mutation of the sources that is in force: its place in source_mutations(), from 1; 0: none.
extern int logboom_mutation;

namespace logboom::simulation {

std::span<std::string_view const> source_mutations();

}  // namespace logboom::simulation
