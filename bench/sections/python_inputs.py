"""Receiving what Python's stock SocketHandler sends: `logboom collect --python-tcp` beside the server of the logging cookbook, which commits each record."""

import pathlib
import re
import sys

from harness import cookbook
from harness.bench import interleave
from harness.processes import Process, eventually
from harness.report import Section
from harness.spread import Spread

CLIENTS = 2
OURS = "record JOIN site ON site.id = site_id WHERE logger NOT LIKE 'logboom.%'"


def ours(bench, send, count):
    with bench.bus() as bus, bus.collect("--python-tcp", "0") as collector:
        port = int(re.search(r"python-tcp 127\.0\.0\.1:(\d+)", collector.inputs[1])[1])
        return cookbook.send(send, port, CLIENTS, count, lambda: cookbook.rows_in(bus.database, OURS), eventually)


def theirs(bench, send, count):
    with bench.directory() as directory:
        path = pathlib.Path(directory) / "cookbook.sqlite"
        server = Process([sys.executable, "-B", cookbook.__file__, str(path)])
        try:
            return cookbook.send(send, int(server.wait_for_line(r"^port (\d+)")[1]), CLIENTS, count, lambda: cookbook.rows_in(path, "logs"), eventually)
        finally:
            server.kill()


def run(bench):
    pickled, logged, few = bench.pick((600_000, 60_000, 1_000), (2_000, 1_000, 200))
    section = Section(
        "python_inputs", "receiving what Python's SocketHandler sends",
        f"{CLIENTS} clients, {len(cookbook.pickled_frames(0)[0])} bytes a frame; {pickled:,} frames pickled before (the receiver is the limit) and {logged:,} calls of SocketHandler (the client is); "
        f"the cookbook's server with a SQLite handler gets {few:,}; until every record is committed",
        "a network; many clients; records with large fields")
    section.measured = {}
    table = section.table("records/s", ["sent by", "logboom", "cookbook's server", "ratio"])
    for name, send, count in (("frames pickled before", cookbook.send_pickled, pickled), ("SocketHandler", cookbook.send_logged, logged)):
        found = interleave(bench.rounds, {"logboom": lambda: ours(bench, send, count), "cookbook": lambda: theirs(bench, send, few)}, bench.say)
        section.measured[name] = found
        mine, other = Spread(found["logboom"]), Spread(found["cookbook"])
        table.row(name, mine, other, mine / other)
    return section
