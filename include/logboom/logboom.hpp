// All that a worker needs: publisher, loggers, macros, fields, context. Readers of the log include subscriber.hpp or query.hpp.
#pragma once

#include <logboom/context.hpp>
#include <logboom/field.hpp>
#include <logboom/level.hpp>
#include <logboom/log.hpp>
#include <logboom/logger.hpp>
#include <logboom/publisher.hpp>
#include <logboom/version.hpp>
