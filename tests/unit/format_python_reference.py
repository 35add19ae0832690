# Renders the cases of format_python_test.cpp with Python's own logging.Formatter. Must know nothing of logboom.
#
# Each line of the file named by the argument is a Python literal: a dictionary with format, style, datefmt, utc, time and started (nanoseconds), record (attributes of the
# LogRecord that are what they are), defaults. Answers with a line each: "= HEX" (the text in UTF-8), "refused" (when the formatter is made) or "raised" (when it renders).
import logging
import os.path
import sys
import time

NAMES = {"nan": float("nan"), "inf": float("inf"), "__builtins__": {}}


def record_of(case):
    ns = case["time"]
    record = logging.makeLogRecord(case["record"])
    # as CPython 3.13 computes them from nanoseconds; older ones round on the way
    record.created = ns / 1e9
    record.msecs = (ns // 1_000_000) % 1000 + 0.0
    record.relativeCreated = (ns - case["started"]) / 1e6 if case["started"] else 0.0
    record.filename = os.path.basename(record.pathname)
    record.module = os.path.splitext(record.filename)[0]
    return record


def answer(case):
    try:
        formatter = logging.Formatter(case["format"], case["datefmt"] or None, case["style"], defaults=case["defaults"] or None)
    except (ValueError, KeyError, IndexError):
        return "refused"
    formatter.converter = time.gmtime if case["utc"] else time.localtime
    try:
        return "= " + formatter.format(record_of(case)).encode("utf-8").hex()
    except Exception:  # noqa: BLE001 - whatever it is, logging would lose the record
        return "raised"


with open(sys.argv[1], encoding="utf-8", newline="\n") as cases:
    for line in cases:
        print(answer(eval(line, dict(NAMES))))
