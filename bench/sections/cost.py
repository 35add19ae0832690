"""What a million records cost: processor time, instructions, memory and bytes; on the worker, the collector and the viewer."""

import gzip
import pathlib
import re
import shutil
import sqlite3
import subprocess

from harness.bench import interleave
from harness.processes import Collector, Failed, eventually
from harness.report import Section
from harness.spread import Spread
from sections.end_to_end import run_workers
from sections.transport import wire_bytes

LEVEL = 3  # of zstd, its default; gzip has its own, 6


def processor_time(bench, records, rate):
    """CPU seconds a million records and MiB at the most, of each process."""
    with bench.bus() as bus, bus.collect() as collector:
        results = run_workers(bench, bus, 1, records)
        collector.stop()
        found = {"worker": (results[0]["cpu"], results[0]["peak_kib"]), "collector, storing": (collector.cpu, collector.peak_kib)}
    with bench.bus() as bus, Collector(bus, "--no-db") as collector:
        run_workers(bench, bus, 1, records)
        collector.stop()
        found["collector, no store"] = (collector.cpu, collector.peak_kib)
    found = {name: (cpu / records * 1e6, kib / 1024) for name, (cpu, kib) in found.items()}
    few = records // 4
    with bench.bus() as bus, bus.collect():
        viewer = bench.program("live_viewer", "--records", str(few), bus=bus).ready()
        try:
            run_workers(bench, bus, 1, few, "--rate", str(rate))
            seen = viewer.result()
        finally:
            viewer.kill()
    found["viewer"] = (seen["cpu"] / max(seen["seen"], 1) * 1e6, seen["peak_kib"] / 1024)
    return found


class Callgrind:
    """Counts the instructions of one process, thread by thread."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory) / "callgrind"
        self.directory.mkdir()
        self.wrapper = [shutil.which("valgrind"), "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={self.directory}/out"]

    def threads(self):
        """Instructions, by number of the thread; the first is the one that runs main()."""
        counted = {}
        for path in self.directory.glob("out*-*"):
            for line in path.read_text(errors="replace").splitlines():
                if match := re.match(r"(?:totals|summary): (\d+)", line):
                    counted[int(path.name.rsplit("-", 1)[1])] = int(match[1])
        if not counted:
            raise Failed("callgrind wrote no totals")
        return counted


def instructions(bench, who, records):
    """(instructions by thread, records it had) of one process under callgrind, the others as they are."""
    with bench.bus() as bus:
        tool = Callgrind(bus.directory)
        wrapped = {who: tool.wrapper}
        with bus.collect(wrapper=wrapped.get("collector", ())):
            viewer = bench.program("live_viewer", "--records", str(records), bus=bus, wrapper=tool.wrapper).ready() if who == "viewer" else None
            # Under callgrind a viewer would miss most of what comes at full speed.
            worker = bench.program("worker", "--records", str(records), "--rate", "500" if viewer else "0", bus=bus, wrapper=wrapped.get("worker", ())).ready()
            try:
                worker.begin().result()
                had = viewer.result()["seen"] if viewer else records
            finally:
                worker.kill()
                if viewer:
                    viewer.kill()
        return tool.threads(), had


def instructions_a_million(bench, who, records):
    """Twice as many records less as many: what does not depend on their number cancels out."""
    (once, few), (twice, many) = instructions(bench, who, records), instructions(bench, who, 2 * records)
    if many <= few:
        raise Failed(f"the {who} under callgrind missed too much ({few} and {many} records seen): try again on a quieter machine")
    found = {"all threads": sum(twice.values()) - sum(once.values())}
    if who == "worker":
        found = {"logging thread": twice[1] - once[1], **found}
    return {name: count / (many - few) for name, count in found.items()}  # millions a million


def pretty_text(bench, bus):
    made = subprocess.run([bench.command, "query", "--db", bus.database, "--color", "never"], env=bus.environment, capture_output=True, check=True)
    return made.stdout


def zstd_size(text):
    return len(subprocess.run(["zstd", f"-{LEVEL}", "-c", "-q"], input=text, capture_output=True, check=True).stdout)


def store_sizes(bench, fill, records, file_size):
    """Bytes a record in a store of one file and in closed files, compressed; of the same records as text. `fill(bus, retention)` fills the store."""
    with bench.bus() as bus:
        fill(bus, [])
        text = pretty_text(bench, bus)
        whole = {"store, index and roll-up included": bus.database.stat().st_size / records, "pretty text line": len(text) / records,
                 "gzip of the text": len(gzip.compress(text, 6)) / records, f"zstd -{LEVEL} of the text": zstd_size(text) / records}
    with bench.bus() as bus:
        fill(bus, ["--file-size", str(file_size), "--compress"])
        closed = closed_files(bus)
        if not closed:
            raise Failed("no file was closed")
        with sqlite3.connect(f"file:{bus.database}?mode=ro", uri=True) as current:
            left = current.execute("SELECT count(*) FROM record").fetchone()[0]
        whole["closed files, compressed"] = sum(path.stat().st_size for path in closed) / (records - left)
    return whole


def closed_files(bus):
    return list(pathlib.Path(f"{bus.database}.d").glob("*.zst"))


def fill_from_workers(bench, records):
    def fill(bus, retention):
        with bus.collect(*retention):
            run_workers(bench, bus, 1, records)
            if retention:
                eventually(lambda: closed_files(bus), "a file of the store is closed and compressed")
    return fill


def fill_from_fleet(bench, records):
    def fill(bus, retention):
        filler = bench.program("fill_store", str(bus.database), *retention, asked=True)
        try:
            filler.ask(f"to {records}")
            if filler.end_input().wait() != 0:
                raise Failed(f"fill_store: {filler.errors()}")
        finally:
            filler.kill()
    return fill


def spool_bytes(bench):
    """(a record in a ring, a record in the overflow), without a collector."""
    with bench.bus() as bus:
        few = bench.program("worker", "--records", "1000", "--leave", bus=bus).begin().result()
        ring = bench.program("ring_bytes", few["spool"]).result()
        many = bench.program("worker", "--records", "100000", "--leave", bus=bus).begin().result()
        if ring["records"] < 1000 or not many["spilled"]:
            raise Failed(f"the spool is not as expected: {ring}, {many}")
        return ring["bytes"] / ring["records"], many["overflow_bytes"] / many["spilled"]


def run(bench):
    records, few, rate = bench.pick((1_000_000, 10_000, 20_000), (20_000, 1_000, 2_000))
    section = Section(
        "cost", "what a million records cost",
        f"{records:,} records as in end_to_end (viewer: a quarter of them at {rate:,}/s); callgrind: the difference between {2 * few:,} and {few:,} records; bytes: {records:,} records of end_to_end's workload, and of scale's",
        "the kernel's share of instructions (callgrind sees user space only); what a faster or slower rate costs: at low rates a record costs more, since every one is committed and sent by itself")
    rounds = interleave(bench.rounds, {"all": lambda: processor_time(bench, records, rate)}, bench.say)["all"]
    section.measured = {"processor": rounds}
    table = section.table("processor and memory", ["process", "CPU s a million records", "MiB at the most"])
    for who in rounds[0]:
        table.row(who, Spread(one[who][0] for one in rounds), Spread(one[who][1] for one in rounds))
    section.targets["collector_memory"] = Spread(one["collector, storing"][1] for one in rounds)
    count_instructions(section, bench, few)
    weigh(section, bench, records)
    return section


def count_instructions(section, bench, few):
    if shutil.which("valgrind") is None:
        section.absent["callgrind"] = "no valgrind on this machine"
        return
    table = section.table("instructions in user space, millions a million records", ["process", "which", "instructions"])
    for who in ("worker", "collector", "viewer"):
        bench.say(f"callgrind: {who}")
        try:
            section.measured[f"instructions, {who}"] = found = instructions_a_million(bench, who, few)
        except Failed as error:
            section.note(str(error))
            continue
        for which, count in found.items():
            table.row(who, which, Spread([count]))


def weigh(section, bench, records):
    bench.say("bytes")
    file_size = bench.pick(64 << 20, 1 << 20)
    sizes = {"end_to_end's": store_sizes(bench, fill_from_workers(bench, records), records, file_size),
             "scale's": store_sizes(bench, fill_from_fleet(bench, records), records, file_size)}
    counted = min(records, 200_000)
    ring, overflow = spool_bytes(bench)
    sizes["end_to_end's"] |= {"wire, ZeroMQ included": wire_bytes(bench, counted)["push"][0] / counted, "ring": ring, "overflow": overflow}
    section.measured["bytes"] = sizes
    table = section.table(f"bytes a record; closed files of {file_size >> 20} MiB before they are compressed", ["workload", "where", "bytes", "to the text line"])
    for workload, of in sizes.items():
        for where, size in of.items():
            table.row(workload, where, Spread([size]), Spread([size / of["pretty text line"]]))

    def worst(where):
        return Spread([max(of[where] / of["pretty text line"] for of in sizes.values())])
    section.targets |= {"store_bytes": worst("store, index and roll-up included"), "closed_bytes": worst("closed files, compressed")}
    section.note("targets take the worse of the two workloads; end_to_end's is the same text again and again, which compresses better than logs do")
