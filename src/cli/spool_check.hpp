// The directory of spools as a publisher here would find it, and what dead publishers left in it: part of `logboom doctor`.
#pragma once

#include "cli/diagnosis.hpp"
#include "delivery/endpoint.hpp"

#include <span>

namespace logboom::cli {

/// Tries it: a file is written there and removed.
void check_spool(Diagnosis& diagnosis);
/// @param reached a collector answers, so that what is for `endpoints` should not be there for long
void check_orphans(Diagnosis& diagnosis, std::span<delivery::Endpoint const> endpoints, bool reached);

}  // namespace logboom::cli
