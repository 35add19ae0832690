"""The store's writer alone, beside raw inserts of the rows it made; and into many files."""

from harness.bench import interleave
from harness.processes import Failed
from harness.report import Section
from harness.spread import Spread


def fill(bench, rows, *retention):
    with bench.directory() as directory:
        path = directory / "logs.sqlite"
        filler = bench.program("fill_store", str(path), *retention, asked=True)
        try:
            made = filler.ask(f"to {rows}")
            if filler.end_input().wait() != 0:
                raise Failed(f"fill_store: {filler.errors()}")
        finally:
            filler.kill()
        found = {"rate": made["rate"], "longest": made["transaction_ms"]["max"], "files": len(list(directory.glob("logs.sqlite.d/*.sqlite*")))}
        if not retention:
            found["raw"] = bench.program("raw_inserts", str(path), str(directory / "raw.sqlite"), "--synchronous", "FULL").result()["rate"]
        return found


def run(bench):
    rows, file_size = bench.pick((500_000, 16 << 20), (20_000, 1 << 20))
    section = Section(
        "store", "the store's writer alone",
        f"{rows:,} rows as in scale, transactions of 10,000, synchronous FULL; raw inserts of the same rows as in end_to_end, with FULL as well; many files: a new one each {file_size >> 20} MiB",
        "decoding, acknowledging and publishing, which a collector does beside it (see end_to_end)")
    found = interleave(bench.rounds, {"one file": lambda: fill(bench, rows), "many files": lambda: fill(bench, rows, "--file-size", str(file_size))}, bench.say)
    section.measured = found
    one, many = (Spread(each["rate"] for each in found[name]) for name in ("one file", "many files"))
    raw = Spread(each["raw"] for each in found["one file"])
    table = section.table("inserting", ["what", "rows/s", "to raw", "to one file", "longest transaction, ms", "closed files"])
    table.row("raw prepared inserts", raw, None, None, None, None)
    for name, rate in (("one file", one), ("many files", many)):
        table.row(name, rate, rate / raw, rate / one, Spread(each["longest"] for each in found[name]), str(found[name][0]["files"]))
    return section
