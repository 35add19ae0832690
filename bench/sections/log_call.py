"""What a log call costs the thread that makes it, beside quill, fmtlog and spdlog, everybody's background thread at work."""

import os

from harness import plots
from harness.bench import interleave
from harness.report import Section
from harness.spread import Spread

QUANTILES = ("p50", "p90", "p99", "p99.9", "max")
PEERS = (  # name, program, the peer that CMake knows
    ("logboom", "log_call_logboom", None),
    ("logboom, counter", "log_call_logboom", None),
    ("quill, unbounded", "log_call_quill", "quill"),
    ("quill, bounded", "log_call_quill_bounded", "quill"),
    ("quill, system clock", "log_call_quill_system_clock", "quill"),
    ("fmtlog", "log_call_fmtlog", "fmtlog"),
    ("spdlog, async", "log_call_spdlog", "spdlog"),
)
WORKLOADS = ("static text", "int and double", "two ints and a text", "static text in a context", "int and a field", "counter read")
TARGET_WORKLOADS = WORKLOADS[:3]


CLOCKS = {"logboom, counter": "tsc"}  # LOGBOOM_CLOCK, where it is not what the kernel trusts


def measure(bench, program, threads, samples, collector, clock="auto"):
    with bench.bus() as bus:
        bus.environment["LOGBOOM_CLOCK"] = clock
        others = os.cpu_count() - max(threads)  # processors that the logging threads leave to it
        running = bus.collect(wrapper=["taskset", "-c", f"0-{others - 1}"] if others > 0 else ()) if collector else None
        try:
            return bench.program(program, "--threads", ",".join(map(str, threads)), "--samples", str(samples), "--directory", str(bus.directory), bus=bus).result()
        finally:
            if running:
                running.stop()


def spreads(results, workload, threads, kind):
    """quantile → Spread, or None where this logger has no such call."""
    found = [result["workloads"].get(workload, {}).get(str(threads), {}).get(kind) for result in results]
    return None if None in found else {q: Spread(each[q] for each in found) for q in QUANTILES}


def compare(section, results, threads, kind, title):
    table = section.table(title, ["ns", "logger", *QUANTILES, "p50 to quill's", "p99.9 to quill's"])
    for workload in WORKLOADS:
        quill = spreads(results["quill, unbounded"], workload, threads, kind) if "quill, unbounded" in results else None
        for name, found in results.items():
            if mine := spreads(found, workload, threads, kind):
                ratios = [mine[q] / quill[q] for q in ("p50", "p99.9")] if quill else [None, None]
                table.row(workload, name, *(mine[q] for q in QUANTILES), *ratios)


def plot(section, bench, results, threads):
    for workload in TARGET_WORKLOADS:
        curves = {}
        for name, found in results.items():
            kinds = [result["workloads"].get(workload, {}).get(str(threads), {}).get("paced") for result in found]
            if kinds and None not in kinds:
                curves[name] = sorted(kinds, key=lambda kind: kind["p99"])[len(kinds) // 2]["curve"]  # the round in the middle
        file = bench.plots / f"log_call-{workload.replace(' ', '_')}-{threads}.svg"
        section.plots.append(plots.latency(file, f"log call, {workload}, every 2–20 µs, {threads} thread{'s' if threads > 1 else ''}", "ns", curves))


def run(bench):
    section = Section(
        "log_call", "what a log call costs the thread that makes it",
        "single calls every 2–20 µs, each timed; bursts of 20, their mean; level INFO on; every logger's background thread runs and writes (logboom: a collector stores in SQLite)",
        "what the other processes of a machine pay (see cost); calls on more threads than cores; logging without a pause, where every logger is as slow as its writer; "
        "a call whose record is cold in the cache")
    threads, samples = bench.pick(([1, 2], 20_000), ([1], 200))
    threads = [count for count in threads if count <= os.cpu_count()]
    subjects = {}
    for name, program, peer in PEERS:
        if peer and (reason := bench.compiled_peer(peer)):
            section.absent[name] = reason
            continue
        # A run of its own for each number of threads: with fewer than all, the background threads have processors of their own.
        subjects[name] = lambda program=program, ours=not peer, clock=CLOCKS.get(name, "auto"): {count: measure(bench, program, [count], samples, ours, clock) for count in threads}
    subjects["logboom, no collector"] = lambda: {count: measure(bench, "log_call_logboom", [count], samples, False) for count in threads}
    found = interleave(bench.rounds, subjects, bench.say, [name for name, _, peer in PEERS if peer], section.absent)
    section.measured = found
    for count in threads:
        results = {name: [one[count] for one in rounds] for name, rounds in found.items()}
        who = "1 thread" if count == 1 else f"{count} threads"
        free = os.cpu_count() - count
        where = f"background threads on the other {free} processor{'s' if free > 1 else ''}" if free > 0 else "background threads share their processors"
        compare(section, results, count, "paced", f"single calls, {who}, {where}")
        compare(section, results, count, "burst", f"mean of bursts of 20, {who}, {where}")
        plot(section, bench, results, count)
    level_off(section, found, threads[0])
    losses(section, found, threads)
    judge(section, {name: [one[threads[0]] for one in rounds] for name, rounds in found.items()})
    section.note(f"what the timer itself costs ({found['logboom'][0][threads[0]]['timer_ns']:.0f} ns) is subtracted; where it counts in steps (10 ns on some machines) quantiles are interpolated within one; "
                 "quill and spdlog take the same text and arguments, and their own default patterns; peers without a row have no such call")
    section.note(f"logboom reads {found['logboom'][0][threads[0]]['clock']} here, the processor's counter only where the kernel trusts it or LOGBOOM_CLOCK=tsc says so (\"logboom, counter\"); "
                 "quill reads the counter on every machine unless it is told not to (\"quill, system clock\")")
    return section


def level_off(section, found, count):
    table = section.table("calls that log nothing, means of loops of 1,000, p50, 1 thread", ["ns", "logger", "a call", "above an empty loop"])
    for name, rounds in found.items():
        for workload in ("nothing", "level off", "suppressed by EVERY_N", "suppressed by EVERY", "suppressed by ONCE"):
            loops = [one[count]["workloads"].get(workload, {}).get("1", {}).get("loop") for one in rounds]
            if None in loops:
                continue
            times, empty = (Spread(loop["p50"] for loop in each) for each in (loops, [one[count]["workloads"]["nothing"]["1"]["loop"] for one in rounds]))
            table.row(workload, name, times, times - empty)
            if name == "logboom" and workload == "level off":
                section.targets["level_off"] = times - empty


def losses(section, found, threads):
    """A logger that drops is fast for nothing."""
    for name, rounds in found.items():
        dropped = sum(one[count].get("dropped", 0) for one in rounds for count in threads)
        notices = sum(one[count].get("notices", 0) for one in rounds for count in threads)
        if dropped or notices:
            section.note(f"{name} dropped {dropped} records" + (f", and had {notices} notices of its backend" if notices else "") + ": its figures flatter it")


def judge(section, results):
    """The worst of the three workloads counts."""
    if "quill, unbounded" not in results:
        reason = f"quill is absent ({section.absent['quill, unbounded']})"
        section.targets |= {"log_call_p50": reason, "log_call_p99.9": reason}
        return
    for quantile in ("p50", "p99.9"):
        ratios = []
        for workload in TARGET_WORKLOADS:
            ours, quill = (spreads(results[name], workload, int(next(iter(results[name][0]["workloads"]["static text"]))), "paced") for name in ("logboom", "quill, unbounded"))
            ratios.append(ours[quantile] / quill[quantile])
        section.targets[f"log_call_{quantile}"] = max(ratios, key=lambda ratio: ratio.median)
