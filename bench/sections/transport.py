"""Publisher to collector without a store, beside bare PUSH → PULL of as many bytes."""

from harness.bench import interleave
from harness.processes import Bus, Collector
from harness.relay import Relay, free_ports
from harness.report import Section
from harness.spread import Spread
from sections.end_to_end import rate_of, run_workers

MESSAGE = 64 << 10  # what a batch has when there is enough to send


def wire_bytes(bench, records):
    """What `records` records of one publisher take on the wire, ZeroMQ's own bytes included: counted between the two."""
    with bench.directory() as directory:
        port = free_ports()
        collecting = Bus(directory, bench.command, f"tcp://127.0.0.1:{port}")
        with Collector(collecting, "--no-db"):
            relay = Relay(port)
            try:
                publishing = Bus(directory, bench.command, f"tcp://127.0.0.1:{relay.port}")
                run_workers(bench, publishing, 1, records)
            finally:
                counted = {name: list(both) for name, both in relay.counted.items()}
                relay.close()
    return counted


def ours(bench, processes, records, curve=False):
    with bench.bus() as bus, Collector(bus, "--no-db", *(bus.ask_for_keys() if curve else ())) as collector:
        results = run_workers(bench, bus, processes, records)
        collector.note_peak()
        return {"rate": rate_of(results), "logged_rate": rate_of(results, "logged"), "collector_mib": collector.peak_kib / 1024}


def bare(bench, endpoint_of, messages):
    """Messages a second."""
    with bench.directory() as directory:
        endpoint = endpoint_of(directory)
        puller = bench.program("bare_sockets", "pull", endpoint, "--messages", str(messages)).ready()
        pusher = bench.program("bare_sockets", "push", endpoint, "--bytes", str(MESSAGE), "--messages", str(messages)).ready()
        try:
            sent = pusher.begin().result()
            return {"rate": messages / (puller.result()["end"] - sent["begin"]) * 1e9}
        finally:
            pusher.kill()
            puller.kill()


def title_of(subject):
    if subject == "bare ipc":
        return "bare PUSH → PULL"
    count, curve = subject.removeprefix("logboom ").partition(",")[::2]
    return f"logboom, {count} publisher{'s' if count != '1' else ''}{',' * bool(curve)}{curve}"


def beside_clear(section, found):
    table = section.table("with CURVE, to the same in the clear", ["publishers", "records/s", "peak MiB of the collector"])
    for count in ("1", "2"):
        table.row(count, *(Spread(one[key] for one in found[f"logboom {count}, CURVE"]) / Spread(one[key] for one in found[f"logboom {count}"]) for key in ("rate", "collector_mib")))


def run(bench):
    records = bench.pick(2_000_000, 20_000)
    section = Section(
        "transport", "publisher to collector, nothing stored",
        f"{records:,} records as in end_to_end, `logboom collect --no-db`, until all is acknowledged; beside it ZeroMQ's PUSH → PULL of the same bytes in messages of {MESSAGE:,}, default options, ipc",
        "a network; what a store costs; many small messages, where ZeroMQ is far slower. Ours renders messages and fields meanwhile and acknowledges; the bare sockets look at nothing. "
        "With CURVE both ends share this machine's cores; on two machines each has one half of its cost")
    counted = wire_bytes(bench, min(records, 200_000))
    a_record = counted["push"][0] / min(records, 200_000)
    messages = max(1, round(records * a_record / MESSAGE))
    found = interleave(bench.rounds, {
        "logboom 1": lambda: ours(bench, 1, records),
        "logboom 1, CURVE": lambda: ours(bench, 1, records, curve=True),
        "logboom 2": lambda: ours(bench, 2, records),
        "logboom 2, CURVE": lambda: ours(bench, 2, records, curve=True),
        "bare ipc": lambda: bare(bench, lambda directory: f"ipc://{directory}/bare", messages),
    }, bench.say)
    section.measured = {"wire": counted, "rounds": found}
    rates = {name: Spread(one["rate"] for one in rounds) for name, rounds in found.items()}
    # In records, as if the bare messages had them in them.
    rates["bare ipc"] = Spread(rate * MESSAGE / a_record for rate in rates["bare ipc"].values)
    table = section.table(f"{a_record:.0f} bytes a record on the wire", ["what", "records/s", "MiB/s", "to bare"])
    for name, rate in rates.items():
        table.row(title_of(name), rate, Spread(each * a_record / 2**20 for each in rate.values), rate / rates["bare ipc"])
    beside_clear(section, found)
    ratios = [rates[name] / rates["bare ipc"] for name in ("logboom 1", "logboom 2")]
    section.targets["transport"] = max(ratios, key=lambda ratio: ratio.median)
    section.note("the target takes the better of one and two publishers")
    section.targets["collector_memory"] = max((Spread(one["collector_mib"] for one in found[name]) for name in ("logboom 1", "logboom 2")), key=lambda each: each.median)
    return section
