// What each way of showing a record implements. Private to src/record.
#pragma once

#include "record/formatter.hpp"

namespace logboom {

struct Formatter::Style {
  Style() = default;
  Style(Style const&) = delete;
  Style& operator=(Style const&) = delete;
  virtual ~Style() = default;

  virtual void format(Record const& record, std::string& out) const = 0;
  virtual bool shows_fields() const { return true; }
  virtual std::string header() const { return {}; }
};

std::shared_ptr<Formatter::Style const> make_pretty(FormatOptions const& options);
std::shared_ptr<Formatter::Style const> make_json(FormatOptions const& options);
std::shared_ptr<Formatter::Style const> make_csv(FormatOptions options);
std::shared_ptr<Formatter::Style const> make_logfmt(FormatOptions const& options);

}  // namespace logboom
