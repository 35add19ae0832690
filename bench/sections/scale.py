"""What growth costs: more publishers, more threads in one, and larger stores: their insert rate, and the usual queries, also while the store is written at full speed."""

from harness import plots
from harness.bench import interleave
from harness.report import Section
from harness.spread import Spread
from sections.end_to_end import rate_of, run_workers

REFERENCE = 100_000  # rows of the store that the others are compared with
TARGET_ROWS = 10_000_000
PAGES = ("last hour, WARNING and above", "last hour", "an hour of long ago", "one logger prefix", "text search, 1 in 100", "one field, 1 in 100", "last 100")
COUNTS = "counts per minute and level, a day"


def bus_rate(bench, records, processes, threads):
    with bench.bus() as bus, bus.collect() as collector:
        results = run_workers(bench, bus, processes, records, "--threads", str(threads))
        collector.note_peak()
        return {"rate": rate_of(results), "worker_cpu": sum(result["cpu"] for result in results), "collector_mib": collector.peak_kib / 1024}


def grow(bench, sizes, repeats, busy_repeats, rounds):
    """rows → what was measured when the store had so many. The smallest, which the others are compared with, is not written to: it would not be the smallest for long."""
    found = {}
    with bench.directory() as directory:
        path = directory / "logs.sqlite"
        filler = bench.program("fill_store", str(path), asked=True)
        try:
            for rows in sizes:
                bench.say(f"a store of {rows:,} rows")
                of = found[rows] = {"filled": filler.ask(f"to {rows}"), "quiet": [ask(bench, path, repeats) for _ in range(rounds)], "busy": [], "floods": []}
                for _ in range(rounds if rows != sizes[0] else 0):
                    filler.tell("flood")
                    of["busy"].append(ask(bench, path, busy_repeats))
                    of["floods"].append(filler.ask("stop"))
            filler.end_input().wait()
        finally:
            filler.kill()
    return found


def ask(bench, path, repeats):
    return bench.program("query_latency", str(path), "--repeats", str(repeats)).result()


def run(bench):
    publishers = bench.pick([1, 10, 50, 100, 250, 500], [1, 10])
    threads = bench.pick([1, 2, 4, 8, 16, 32, 64], [1, 4])
    sizes = bench.pick([REFERENCE, 1_000_000, TARGET_ROWS, 50_000_000], [10_000, 50_000])
    records = bench.pick(1_000_000, 10_000)
    section = Section(
        "scale", "many publishers, many threads, large stores",
        f"{records:,} records as in end_to_end, shared out among the publishers or threads; stores of rows with messages of 60–120 characters and 2–4 fields, 12 loggers, 200 processes, "
        "100 rows a second by their times, made through the store's own writer in transactions of 10,000; each query opens the file and takes its newest 200 rows (or all counts); files in the page cache as far as memory goes",
        "a page cache that is cold; many files (see store); publishers on other machines; more than one reader")
    subjects = {f"{count} publishers": lambda count=count: bus_rate(bench, records, count, 1) for count in publishers}
    subjects |= {f"{count} threads": lambda count=count: bus_rate(bench, records, 1, count) for count in threads}
    rounds = max(1, bench.rounds // 2)
    found = interleave(rounds, subjects, bench.say)
    section.note(f"{rounds} rounds of publishers and threads; filled is each store once")
    stores = grow(bench, sizes, bench.pick(21, 3), bench.pick(5, 3), bench.rounds)
    section.measured = {"bus": found, "stores": stores}
    bus_table(section, bench, found, "publishers", publishers)
    bus_table(section, bench, found, "threads", threads)
    section.targets["collector_memory"] = max((Spread(one["collector_mib"] for one in rounds) for rounds in found.values()), key=lambda each: each.median)
    insert_table(section, bench, stores)
    query_table(section, bench, stores)
    judge(section, stores)
    return section


def bus_table(section, bench, found, what, counts):
    table = section.table(f"{what}, to the committed row", [what, "records/s", "to 1", "CPU s workers", "collector MiB"])
    rates = {count: Spread(one["rate"] for one in found[f"{count} {what}"]) for count in counts}
    for count in counts:
        rounds = found[f"{count} {what}"]
        table.row(str(count), rates[count], rates[count] / rates[counts[0]], Spread(one["worker_cpu"] for one in rounds), Spread(one["collector_mib"] for one in rounds))
    section.plots.append(plots.scaling(bench.plots / f"scale-{what}.svg", f"{what}, to the committed row", what, "records/s", {"logboom": list(rates.items())}))


def insert_table(section, bench, stores):
    first = next(iter(stores.values()))
    table = section.table("inserting (time inside the writer)", ["rows in the store", "rows/s up to there", "to the smallest", "rows/s from there on, with queries", "transaction p99, ms", "rows at the end"])
    rates = {rows: Spread([of["filled"]["rate"]]) for rows, of in stores.items() if of["filled"]["transaction_ms"]}
    for rows, of in stores.items():
        filled, floods = rates.get(rows), of["floods"]
        table.row(f"{rows:,}", filled, filled and filled / Spread([first["filled"]["rate"]]), Spread(one["rate"] for one in floods) if floods else None,
                  filled and Spread([of["filled"]["transaction_ms"]["p99"]]), f"{floods[-1]['rows'] if floods else of['filled']['rows']:,}")
    for rows in stores.keys() - rates.keys():
        section.note(f"there was nothing to fill up to {rows:,} rows: what was written beside the queries before had made more")
    section.plots.append(plots.scaling(bench.plots / "scale-inserts.svg", "inserting", "rows in the store", "rows/s", {"filling": list(rates.items())}))


def times(of, name, when, quantile="p50"):
    return Spread(one[name]["ms"][quantile] for one in of[when]) if of[when] else None


def query_table(section, bench, stores):
    first = next(iter(stores.values()))
    table = section.table("queries, ms", ["query", "rows in the store", "rows found", "p50", "p99", "to the smallest", "p50 while writing", "p99 while writing"])
    for name in first["quiet"][0]:
        for rows, of in stores.items():
            table.row(name, f"{rows:,}", str(of["quiet"][0][name]["rows"]), times(of, name, "quiet"), times(of, name, "quiet", "p99"), times(of, name, "quiet") / times(first, name, "quiet"),
                      times(of, name, "busy"), times(of, name, "busy", "p99"))
    for when, name, title in (("quiet", "queries", "queries"), ("busy", "queries-while-writing", "queries while rows are written at full speed")):
        lines = {query: [(rows, times(of, query, when)) for rows, of in stores.items() if of[when]] for query in first["quiet"][0]}
        section.plots.append(plots.scaling(bench.plots / f"scale-{name}.svg", title, "rows in the store", "ms, p50", lines, logarithmic=True))


def judge(section, stores):
    of = stores.get(TARGET_ROWS)
    if of is None:
        section.targets |= {"query_page": "no store of 10 M rows in this run", "query_counts": "no store of 10 M rows in this run"}
        return
    section.targets["query_page"] = max((times(of, name, "busy") for name in PAGES), key=lambda each: each.median)
    section.targets["query_counts"] = times(of, COUNTS, "busy")
