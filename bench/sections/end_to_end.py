"""From the log call to the committed row, with real processes; beside raw inserts of the same rows, rsyslog and syslog-ng into a text file, and the cookbook's Python server."""

import pathlib
import sys
import time

from harness import cookbook, plots
from harness.bench import interleave
from harness.processes import Process, eventually
from harness.report import Section
from harness.spread import Spread
from harness.syslogs import Syslog

SYSLOGS = {"rsyslog": ("rsyslog", "rsyslogd"), "syslog-ng": ("syslog-ng-core", "syslog-ng")}  # package, program


def run_workers(bench, bus, processes, records, *arguments):
    """Their results, once all have begun together and all they logged is committed."""
    workers = [bench.program("worker", "--records", str(records // processes), *arguments, bus=bus) for _ in range(processes)]
    try:
        for worker in workers:
            worker.ready()
        for worker in workers:
            worker.begin()
        return [worker.result() for worker in workers]
    finally:
        for worker in workers:
            worker.kill()


def rate_of(results, end="stored"):
    return sum(result["records"] for result in results) / (max(result[end] for result in results) - min(result["begin"] for result in results)) * 1e9


def logboom(bench, processes, records, curve=False):
    """Ours, and right after it raw inserts of the same rows."""
    with bench.bus() as bus:
        with bus.collect(*(bus.ask_for_keys() if curve else ())) as collector:
            results = run_workers(bench, bus, processes, records)
        size = bus.database.stat().st_size
        raw = {safety: bench.program("raw_inserts", str(bus.database), str(bus.directory / "raw.sqlite"), "--synchronous", safety).result() for safety in ("NORMAL", "FULL")}
        millions = sum(result["records"] for result in results) / 1e6
        return {"rate": rate_of(results), "logged_rate": rate_of(results, "logged"), "raw": raw["NORMAL"]["rate"], "raw_full": raw["FULL"]["rate"],
                "worker_cpu": sum(result["cpu"] for result in results) / millions, "collector_cpu": collector.cpu / millions,
                "collector_mib": collector.peak_kib / 1024, "bytes": size / (millions * 1e6), "resent": sum(result["resent"] for result in results)}


def syslog(bench, package, program, processes, records):
    command, environment, root = bench.packaged_peer(package, program)
    with bench.directory() as directory:
        receiver = Syslog(directory, package, command, environment, root)
        try:
            senders = [bench.program("syslog_sender", str(receiver.socket), "--records", str(records // processes)).ready() for _ in range(processes)]
            for sender in senders:
                sender.begin()
            results = [sender.result() for sender in senders]
            receiver.wait_for_lines(sum(result["records"] for result in results))
            end = time.monotonic_ns()
        finally:
            stopped = receiver.stop()
        millions = sum(result["records"] for result in results) / 1e6
        return {"rate": millions * 1e6 / (end - min(result["begin"] for result in results)) * 1e9, "worker_cpu": sum(result["cpu"] for result in results) / millions,
                "collector_cpu": stopped.cpu / millions, "collector_mib": stopped.peak_kib / 1024}


def python_server(bench, records):
    with bench.directory() as directory:
        path = pathlib.Path(directory) / "cookbook.sqlite"
        server = Process([sys.executable, "-B", cookbook.__file__, str(path)])
        try:
            port = int(server.wait_for_line(r"^port (\d+)")[1])
            return {"rate": cookbook.send(cookbook.send_pickled, port, 2, records, lambda: cookbook.rows_in(path, "logs"), eventually)}
        finally:
            server.kill()


def run(bench):
    counts, records, few = bench.pick(([1, 2, 4, 8], 1_000_000, 2_000), ([1, 2], 10_000, 200))
    section = Section(
        "end_to_end", "from the log call to the committed row",
        f"{records:,} records a round, as fast as the processes can, of \"wrote {{rows}} rows in {{ms:.2f}} ms to {{file}}\" (two numbers, 35 bytes) and a field; stored with synchronous=FULL, index and roll-up; "
        "the time ends when all is committed. Raw inserts: the same finished rows by one thread, a prepared statement, row by row, default page size, no index, synchronous NORMAL, nothing else running. "
        "syslog: the same text by datagrams of a local socket, until the last line is in the file (which is not synced)",
        "a network; several collectors; a disk slower than this one; records of other kinds. The syslog daemons give no guarantee to compare: what they hold is lost with them, and a text file has no index. "
        f"The cookbook's server got {few:,} records of 2 clients: more would take minutes, and its rate does not depend on it")
    subjects = {f"logboom {count}": lambda count=count: logboom(bench, count, records) for count in counts}
    subjects["logboom 2, CURVE"] = lambda: logboom(bench, 2, records, curve=True)
    for name, (package, program) in SYSLOGS.items():
        if bench.packaged_peer(package, program)[0] is None:
            section.absent[name] = bench.packaged_peer(package, program)[1]
            continue
        subjects |= {f"{name} {count}": lambda count=count, package=package, program=program: syslog(bench, package, program, count, records) for count in counts}
    subjects["cookbook"] = lambda: python_server(bench, few)
    found = interleave(bench.rounds, subjects, bench.say)
    section.measured = found
    section.targets["collector_memory"] = max((spread(found, f"logboom {count}", "collector_mib") for count in counts), key=lambda each: each.median)
    beside_sqlite(section, found, counts)
    with_keys(section, found)
    beside_peers(section, found, counts)
    lines = {name: [(count, spread(found, f"{name} {count}", "rate")) for count in counts] for name in ("logboom", *SYSLOGS) if f"{name} {counts[0]}" in found}
    lines["raw inserts"] = [(count, spread(found, f"logboom {count}", "raw")) for count in counts]
    section.plots.append(plots.scaling(bench.plots / "end_to_end.svg", "end to end", "logging processes", "records/s", lines))
    return section


def spread(found, subject, key):
    return Spread(each[key] for each in found[subject])


def beside_sqlite(section, found, counts):
    table = section.table("into SQLite, k records/s; CPU in seconds a million records", ["processes", "logboom", "raw inserts", "ratio", "raw, FULL", "CPU worker", "CPU collector", "collector MiB", "bytes a record"])
    ratios = []
    for count in counts:
        of = {key: spread(found, f"logboom {count}", key) for key in found[f"logboom {count}"][0]}
        ratios.append(of["rate"] / of["raw"])
        thousand = {key: Spread(value / 1e3 for value in of[key].values) for key in ("rate", "raw", "raw_full")}
        table.row(str(count), thousand["rate"], thousand["raw"], ratios[-1], thousand["raw_full"], of["worker_cpu"], of["collector_cpu"], of["collector_mib"], of["bytes"])
    section.targets["end_to_end_raw"] = min(ratios, key=lambda ratio: ratio.median)


def with_keys(section, found):
    table = section.table("2 processes with CURVE, to the same in the clear", ["records/s", "CPU worker", "CPU collector", "collector MiB"])
    table.row(*(spread(found, "logboom 2, CURVE", key) / spread(found, "logboom 2", key) for key in ("rate", "worker_cpu", "collector_cpu", "collector_mib")))


def beside_peers(section, found, counts):
    table = section.table("beside others, records/s", ["receiver", "processes", "records/s", "logboom to it", "CPU s/M sender", "CPU s/M receiver", "MiB"])
    best = max((f"logboom {count}" for count in counts), key=lambda name: spread(found, name, "rate").median)
    worst = min((f"logboom {count}" for count in counts), key=lambda name: spread(found, name, "rate").median)
    rsyslog = []
    for name in SYSLOGS:
        for count in counts:
            if (subject := f"{name} {count}") in found:
                ratio = spread(found, f"logboom {count}", "rate") / spread(found, subject, "rate")
                if name == "rsyslog":
                    rsyslog.append(ratio)
                table.row(name, str(count), spread(found, subject, "rate"), ratio, *(spread(found, subject, key) for key in ("worker_cpu", "collector_cpu", "collector_mib")))
    ratio = spread(found, worst, "rate") / spread(found, "cookbook", "rate")
    table.row("cookbook's server, SQLite", "2", spread(found, "cookbook", "rate"), ratio, None, None, None)
    section.note(f"targets take the worst number of processes; beside the cookbook's server stands {worst}, {best} is the best")
    section.targets["end_to_end_cookbook"] = ratio
    section.targets["end_to_end_rsyslog"] = min(rsyslog, key=lambda each: each.median) if rsyslog else f"rsyslog is absent ({section.absent['rsyslog']})"
