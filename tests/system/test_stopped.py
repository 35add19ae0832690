# ctest: long timeout=600
"""A collector that is stopped for long (SIGSTOP), with buffers sized for a tenth of that time: `block` loses nothing, `drop` declares exactly what it lost."""

import signal
import time

import pytest

from conftest import FULL, eventually
from streams import LONG, SLOW, check_streams_are_whole, counters, declared, highest_memory, rows, stored_numbers

SECONDS = 60 if FULL else 3
BYTES_A_RECORD = 600
RECORDS_A_SECOND = 5_000  # about: five of them a millisecond and the length of a nap


@pytest.mark.parametrize("policy", ["block", "drop"])
def test_stopped_for_ten_times_what_the_buffers_hold(bus, start_collector, worker, policy):
    overflow = RECORDS_A_SECOND * BYTES_A_RECORD * SECONDS // 10
    collector = start_collector()
    path = bus.directory / "count"
    # Without a bound in time: it blocks as long as it has to.
    arguments = ["--drop"] if policy == "drop" else ["--block-ms", "3600000"]
    process = worker("burst", path, 10**9, "--text", "500", "--pause-every", "5", "--ring", 128 << 10, "--overflow", overflow, *arguments)
    eventually(lambda: rows(bus) > 1_000, LONG)
    collector.signal(signal.SIGSTOP)
    stopped_at = counters(path)[0]
    began = time.monotonic()
    reached = [stopped_at]
    while time.monotonic() - began < SECONDS:
        time.sleep(0.2)
        reached.append(counters(path)[0])
    stood_still = reached[-1] == reached[len(reached) // 2]
    during = reached[-1] - stopped_at
    # What had room, and with `drop` what had none.
    assert during * BYTES_A_RECORD > overflow // 2
    if policy == "block":
        assert stood_still, "the worker waits"
    else:
        assert not stood_still, "the worker runs on"
    collector.signal(signal.SIGCONT)
    eventually(lambda: counters(path)[0] > reached[-1] + 1_000, LONG, "the worker goes on")
    process.kill()
    logged = counters(path)[0]
    eventually(lambda: not bus.spools(), LONG, "what it left is read")
    stored, lost = stored_numbers(bus)[process.pid, 0], declared(bus)
    check_streams_are_whole(bus)
    assert stored == sorted(set(stored))
    assert len(stored) + lost in (logged, logged + 1)  # the call that had not returned
    assert (lost > 0) == (policy == "drop")
    if not SLOW:
        assert highest_memory(collector) <= 100
    print(f"{policy}: stopped for {SECONDS} s, {during} records logged meanwhile; {logged} logged = {len(stored)} stored + {lost} declared lost")
    assert collector.stop() == 0
