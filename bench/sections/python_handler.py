"""What a log call costs in Python, with logboom.Handler and with the standard library's own handlers."""

import pathlib
import sys

from harness.processes import Failed, Program
from harness.report import Section
from harness.spread import Spread

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "programs" / "python_handler.py"
OURS = "logboom.Handler"


def run(bench):
    rounds, calls = bench.pick((12 * bench.rounds, 400), (3, 50))
    section = Section(
        "python_handler", "a log call in Python",
        f"{rounds} short rounds of {calls} calls in turn; everything from log.info(…) on: level test, LogRecord, handler. logboom: a collector stores; SocketHandler: to a server that throws away; "
        "QueueHandler: a process empties the queue; FileHandler: a file on this disk; nothing: a handler that does nothing",
        "what the receiving processes do with it; many threads")
    with bench.bus() as bus, bus.collect():
        environment = bus.environment | {"PYTHONPATH": str(bench.build / "python")}
        measured = Program([sys.executable, "-B", PROGRAM, bus.endpoint, bus.spool, bus.directory, rounds, calls], environment).result()
    if not measured["stored"] or measured["dropped"]:
        raise Failed(f"the collector did not store all that was logged ({measured['dropped']} dropped)")
    section.measured = measured
    for workload, handlers in measured["times"].items():
        table = section.table(f"{workload}, µs a call", ["handler", "clock", "to ours", "processor", "to ours"])
        clock, processor = ({name: Spread(each[which] * 1e6 for each in times) for name, times in handlers.items()} for which in (0, 1))
        for name in handlers:
            table.row(name, clock[name], clock[name] / clock[OURS], processor[name], processor[name] / processor[OURS])
    return section
