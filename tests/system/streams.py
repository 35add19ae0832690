"""What a store says of each stream, beside what its worker counted: logged = stored + declared, once, in order.

Workers are those of tests/system/workers that count their log calls in a mapped file; their records carry the number and the place of the count.
"""

import sqlite3
import struct

from conftest import PATIENCE, eventually

# Sanitized builds are about ten times slower; the faults stay the same.
SLOW = PATIENCE > 60
SCALE = 10 if SLOW else 1
LONG = PATIENCE * 6


def counters(path):
    """Log calls that have returned, by thread."""
    data = path.read_bytes()
    return struct.unpack(f"<{len(data) // 8}Q", data)


def stored_numbers(bus, database=None):
    """{(pid, t): [i, …]} in the order of storing."""
    numbers = {}
    for pid, t, i in bus.query("SELECT pid, fields->>'t', fields->>'i' FROM records WHERE logger = 'burst' ORDER BY id", database=database):
        numbers.setdefault((pid, t), []).append(i)
    return numbers


def check_streams_are_whole(bus, database=None):
    """Within each stream the sequence numbers of records and gaps are 1, 2, 3 … without a hole or a repeat, in the order of storing."""
    streams = {}
    for publisher, stream, sequence in bus.query(
            "SELECT publisher, stream, sequence FROM records WHERE publisher IS NOT NULL AND logger <> 'logboom.gap' ORDER BY id", database=database):
        streams.setdefault((publisher, stream), []).append((sequence, sequence))
    assert streams
    for name, records in streams.items():
        assert records == sorted(records), f"stream {name} is out of order"
    for publisher, stream, first, last in bus.query(
            "SELECT lower(hex(p.uuid)), stream, first, last FROM gap JOIN publisher p ON p.id = publisher_id", database=database):
        streams.setdefault((publisher, stream), []).append((first, last))
    for name, parts in streams.items():
        expected = 1
        for first, last in sorted(parts):
            assert first == expected, f"stream {name}: {first} after {expected - 1}"
            expected = last + 1


def check_returned(stored, returned, what=""):
    """Every record whose call returned, and at most the one whose call had not: a worker may die after the record's end and before it is counted."""
    assert stored in (list(range(1, returned + 1)), list(range(1, returned + 2))), f"{what}: {returned} returned, {len(stored)} stored"


def declared(bus, database=None):
    """Records that are declared lost."""
    return bus.query("SELECT ifnull(sum(last - first + 1), 0) FROM gap", database=database)[0][0]


def wait_until_stored(bus, number, timeout=LONG):
    eventually(lambda: bus.count("logger = 'burst'") >= number, timeout, f"{number} records in the store")


def rows(bus, database=None):
    """Of the store, at once, however many they are."""
    try:
        return bus.query("SELECT ifnull(max(id), 0) FROM record", database=database)[0][0]
    except sqlite3.OperationalError:  # not made yet
        return 0


def highest_memory(process):
    """MiB that were resident at most since it began."""
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
