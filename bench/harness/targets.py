"""The targets of issue 6, and whether a run met them. Must not know how anything is measured."""

import operator


class Target:
    def __init__(self, name, text, compare, limit, unit=""):
        self.name, self.text, self.compare, self.limit, self.unit = name, text, compare, limit, unit

    def verdict(self, value):
        """`value`: a Spread, or None where nothing was measured, or a text that says why."""
        wanted = f"{'≤' if self.compare is operator.le else '≥'} {self.limit:g}{self.unit}"
        if value is None or isinstance(value, str):
            return {"target": self.text, "wanted": wanted, "verdict": "not measured" + (f": {value}" if value else "")}
        met = bool(self.compare(value.median, self.limit))
        said = "met" if met else f"missed: {value.median:.3g} of {self.limit:g}"
        return {"target": self.text, "wanted": wanted, "verdict": said, "met": met, "value": value.as_json(), "shown": f"{value}{self.unit}"}


AT_MOST, AT_LEAST = operator.le, operator.ge

TARGETS = [Target(*of) for of in (
    ("log_call_p50", "log call p50, paced, 1 thread, to quill's", AT_MOST, 1.0, "×"),
    ("log_call_p99.9", "log call p99.9, paced, 1 thread, to quill's", AT_MOST, 1.5, "×"),
    ("level_off", "disabled level, above an empty loop", AT_MOST, 1.0, " ns"),
    ("end_to_end_raw", "end to end, to raw prepared inserts of the same rows", AT_LEAST, 1.0, "×"),
    ("end_to_end_cookbook", "end to end, to the cookbook's server", AT_LEAST, 1000, "×"),
    ("end_to_end_rsyslog", "end to end, to rsyslog's rate into a text file", AT_LEAST, 0.5, "×"),
    ("transport", "transport, to bare PUSH → PULL of equal bytes", AT_LEAST, 0.7, "×"),
    ("live_p99", "live at 1,000 records/s, p99 above a bare PUB → SUB hop", AT_MOST, 2.0, " ms"),
    ("store_bytes", "store, bytes to those of the pretty text line with its fields", AT_MOST, 1.0, "×"),
    ("closed_bytes", "closed files, likewise", AT_MOST, 0.3, "×"),
    ("collector_memory", "the collector's memory, the most of any section", AT_MOST, 64, " MiB"),
    ("query_page", "a page of 200 rows of 10 M, while writing (the slowest of the usual queries)", AT_MOST, 20, " ms"),
    ("query_counts", "counts per minute and level over a day, 10 M rows, while writing", AT_MOST, 20, " ms"),
    ("compile_time", "compile time that the header and a log call add", AT_MOST, 0.5, " s"),
    ("call_site_bytes", "code that a call site adds", AT_MOST, 1024, " B"),
)]


def judge(measured):
    """`measured`: name → Spread, text or None."""
    unknown = set(measured) - {target.name for target in TARGETS}
    if unknown:
        raise KeyError(f"no such target: {', '.join(sorted(unknown))}")
    return {target.name: target.verdict(measured.get(target.name)) for target in TARGETS}
