"""From the log call to a viewer, by the store; beside a bare PUB → SUB hop at the same rate; and what viewers cost the collector."""

from harness import plots
from harness.bench import interleave
from harness.report import Section
from harness.spread import Spread

QUANTILES = ("p50", "p99", "p99.9", "max")


def ours(bench, rate, records, viewers):
    """One viewer measures (if there is any), the others read and throw away."""
    with bench.bus() as bus, bus.collect() as collector:
        measuring = bench.program("live_viewer", "--logger", "bench.worker", "--records", str(records), bus=bus).ready() if viewers else None
        draining = bench.program("bare_sockets", "drain", f"{bus.endpoint}.pub", "--sockets", str(viewers - 1)).ready() if viewers > 1 else None
        worker = bench.program("worker", "--rate", str(rate), "--records", str(records), bus=bus).ready()
        try:
            logged = worker.begin().result()
            seen = measuring.result() if measuring else None
            drained = draining.end_input().result() if draining else None
        finally:
            for each in (worker, measuring, draining):
                if each:
                    each.kill()
        collector.stop()
        return {"rate": logged["records"] / (logged["logged"] - logged["begin"]) * 1e9, "viewer": seen, "others": drained, "collector_cpu": collector.cpu / records * 1e6,
                "collector_mib": collector.peak_kib / 1024}


def hop(bench, rate, records, size):
    with bench.directory() as directory:
        endpoint = f"ipc://{directory}/hop"
        publisher = bench.program("bare_sockets", "pub", endpoint, "--rate", str(rate), "--messages", str(records), "--bytes", str(size)).ready()
        viewer = bench.program("bare_sockets", "sub", endpoint, "--messages", str(records))
        try:
            seen = viewer.result()
            publisher.result()
            return {"viewer": seen}
        finally:
            viewer.kill()
            publisher.kill()


def run(bench):
    rates = bench.pick([1_000, 100_000], [1_000, 10_000])
    counts = bench.pick([0, 1, 10, 50], [0, 1, 3])
    seconds = bench.pick(10, 0.5)
    section = Section(
        "live", "from the log call to a viewer",
        f"records as in end_to_end by one process, {seconds} s at each rate; the collector stores first (fdatasync), then publishes; one viewer decodes and measures, further ones read and throw away. "
        "Beside it a time stamp by XPUB → SUB, as many bytes, the same rate",
        "a network; viewers with filters (cheaper) or with decoding of their own on the same cores (dearer); the hop is neither durable nor complete: it drops for slow readers without a word")
    drained = ours(bench, 1_000, 200, 2)["others"]
    size = round(drained["bytes"] / drained["messages"])  # of a live record
    subjects = {}
    for rate in rates:
        records = int(rate * seconds)
        subjects |= {f"logboom {rate} {count}": lambda rate=rate, records=records, count=count: ours(bench, rate, records, count) for count in counts}
        subjects[f"hop {rate}"] = lambda rate=rate, records=records: hop(bench, rate, records, size)
    found = interleave(bench.rounds, subjects, bench.say)
    section.measured = {"bytes": size, "rounds": found}
    table = section.table(f"delay, ms; {size} bytes a message", ["records/s", "what", *QUANTILES, "p99 above the hop", "missed"])
    for rate in rates:
        base = delays(found[f"hop {rate}"])
        table.row(f"{rate:,}", "bare PUB → SUB", *(base[q] for q in QUANTILES), None, missed(found[f"hop {rate}"]))
        for count in counts[1:]:
            mine = delays(found[f"logboom {rate} {count}"])
            table.row(f"{rate:,}", f"logboom, {count} viewer{'s' if count > 1 else ''}", *(mine[q] for q in QUANTILES), mine["p99"] - base["p99"], missed(found[f"logboom {rate} {count}"]))
        curves = {name: sorted((one["viewer"]["ms"] for one in found[subject]), key=lambda each: each["p99"])[len(found[subject]) // 2]["curve"]
                  for name, subject in (("bare PUB → SUB", f"hop {rate}"), *((f"logboom, {count} viewers", f"logboom {rate} {count}") for count in counts[1:]))}
        section.plots.append(plots.latency(bench.plots / f"live-{rate}.svg", f"log call to viewer, {rate:,} records/s", "ms", curves))
    costs = section.table("what viewers cost the collector", ["records/s", "viewers", "logged a second", "CPU s a million records", "above none", "collector MiB", "others read a second"])
    for rate in rates:
        none = Spread(one["collector_cpu"] for one in found[f"logboom {rate} {counts[0]}"])
        for count in counts:
            rounds = found[f"logboom {rate} {count}"]
            cpu = Spread(one["collector_cpu"] for one in rounds)
            others = Spread(one["others"]["messages"] / seconds for one in rounds) if rounds[0]["others"] else None
            costs.row(f"{rate:,}", str(count), Spread(one["rate"] for one in rounds), cpu, cpu - none, Spread(one["collector_mib"] for one in rounds), others)
    if rates[0] == 1_000:
        section.targets["live_p99"] = delays(found["logboom 1000 1"])["p99"] - delays(found["hop 1000"])["p99"]
    section.targets["collector_memory"] = max((Spread(one["collector_mib"] for one in found[name]) for name in found if name.startswith("logboom")), key=lambda each: each.median)
    return section


def delays(rounds):
    return {q: Spread(one["viewer"]["ms"][q] for one in rounds) for q in QUANTILES}


def missed(rounds):
    return Spread(one["viewer"]["missed"] for one in rounds)
