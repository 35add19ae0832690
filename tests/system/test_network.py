# ctest: long timeout=900
"""Workers and collector on hosts of their own, and a network that is cut, loses, delays, or forgets: resumed by itself, exactly once, the worker's memory within its bound."""

import json
import subprocess
import time

import pytest

from conftest import BUILD, COMMAND, FULL, PATIENCE, Collector, Process, eventually
from network import Switch, Wire, standing
from streams import LONG, SCALE, SLOW, check_returned, check_streams_are_whole, counters, declared, highest_memory, rows, stored_numbers

PORT = 7514


@pytest.fixture
def switch(processes):
    with standing(Switch(("hub", "far", "spare")), processes) as hosts:
        yield hosts


@pytest.fixture
def wire(processes):
    with standing(Wire(("hub", "far")), processes) as hosts:
        yield hosts


@pytest.fixture
def on(bus, processes):
    """on(hosts, name).collector(…), .worker(…), .status(): there."""

    class Host:
        def __init__(self, hosts, name):
            self.hosts, self.name = hosts, name
            self.endpoint = f"tcp://{hosts.address[name]}:{PORT}"
            self.database = bus.directory / f"{name}.sqlite"
            self.environment = bus.environment | {"LOGBOOM_SPOOL": str(bus.directory / f"{name}-spool")}

        def _begin(self, process):
            processes.append(process)
            return process

        def collector(self, *arguments):
            command = [*self.hosts[self.name], COMMAND, "collect", self.endpoint, "--db", self.database, "--insecure", "--no-adopt", *arguments]
            return self._begin(Collector(command, self.environment)).wait_ready()

        def worker(self, endpoint, path, *arguments):
            command = [*self.hosts[self.name], BUILD / "workers" / "burst", path, *arguments]
            process = self._begin(Process(command, self.environment | {"LOGBOOM_ENDPOINT": endpoint}))
            process.wait_line(r"^ready", lines=process.output)
            return process

        def status(self):
            done = subprocess.run([*self.hosts[self.name], COMMAND, "status", "-o", "json"], capture_output=True, text=True, timeout=PATIENCE,
                                  env=self.environment | {"LOGBOOM_ENDPOINT": self.endpoint})
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

    return Host


def check_all_is_stored(bus, host, process, path, count, threads):
    """Once, and the worker's memory is within its bound."""
    eventually(lambda: counters(path) == (count,) * threads, LONG, "all of it is logged")
    eventually(lambda: bus.count("logger = 'burst'", database=host.database) >= count * threads, LONG, "all of it is stored")
    for name, numbers in stored_numbers(bus, host.database).items():
        assert numbers == list(range(1, count + 1)), name
    check_streams_are_whole(bus, host.database)
    assert declared(bus, host.database) == 0
    print(f"{count * threads} records stored once; worker's highest resident memory {highest_memory(process):.1f} MiB")
    if not SLOW:  # a sanitizer's shadow is not the publisher's
        assert highest_memory(process) <= 16 + 3  # docs/architecture.md; three rings


@pytest.mark.parametrize("seconds", [0.5, 60 if FULL else 8], ids=["short", "long"])
def test_cut(bus, switch, on, seconds):
    """For less and for more than the control channel's heartbeats allow for."""
    hub, far = on(switch, "hub"), on(switch, "far")
    hub.collector()
    path = bus.directory / "count"
    count = {0.5: 8_000, 8: 32_000, 60: 400_000}[seconds] // SCALE
    process = far.worker(hub.endpoint, path, count, "--threads", "2", "--pause-every", "5", "--hold")
    eventually(lambda: rows(bus, hub.database) > 2_000 // SCALE, LONG)
    switch.cut("far")
    at_cut = counters(path)
    time.sleep(seconds)  # the test's subject
    assert process.running() and counters(path) > at_cut
    before = rows(bus, hub.database)
    began = time.monotonic()
    switch.mend("far")
    eventually(lambda: rows(bus, hub.database) > before, PATIENCE, "work is resumed")
    print(f"cut for {seconds} s: the next record was stored {time.monotonic() - began:.1f} s after the link's return")
    check_all_is_stored(bus, hub, process, path, count, 2)
    assert process.stop() == 0


@pytest.mark.parametrize("loss,delay,jitter,count", [(0.3, 0, 0, 50_000), (0, 0.2, 0, 50_000), (0, 0.02, 0.05, 50_000), (0.1, 0.1, 0, 4_000)],
                         ids=["30% lost", "200 ms delay", "reordered", "10% lost and 100 ms delay"])
def test_bad_line(bus, wire, on, loss, delay, jitter, count):
    """A line that loses packets both ways, or delays each, from the beginning to the end."""
    hub, far = on(wire, "hub"), on(wire, "far")
    wire.loss, wire.delay, wire.jitter = loss, delay, jitter
    hub.collector()
    path = bus.directory / "count"
    count = count if FULL else 1_000  # TCP gets 30 kB/s through the last of these lines
    began = time.monotonic()
    process = far.worker(hub.endpoint, path, count, "--threads", "2", "--pause-every", "10", "--hold")
    check_all_is_stored(bus, hub, process, path, count, 2)
    print(f"{2 * count} records in {time.monotonic() - began:.1f} s; {wire.passed} packets passed, {wire.lost} lost")
    assert wire.lost > 0 or not loss
    assert process.stop() == 0


def test_the_collectors_host_loses_power(bus, switch, on):
    """No FIN, no RST, and after a while a machine of the same address that knows of no connection."""
    hub, far = on(switch, "hub"), on(switch, "far")
    spare = on(switch, "spare")
    collector = spare.collector()
    path, count = bus.directory / "count", (150_000 if FULL else 12_000) // SCALE
    process = far.worker(spare.endpoint, path, count, "--threads", "2", "--pause-every", "5", "--hold")
    eventually(lambda: rows(bus, spare.database) > 2_000 // SCALE, LONG)
    switch.cut("spare")
    collector.kill()  # whatever it says to its peers now is lost
    at_cut = counters(path)
    eventually(lambda: counters(path) > at_cut)
    spare.collector()
    before = rows(bus, spare.database)
    began = time.monotonic()
    switch.mend("spare")
    eventually(lambda: rows(bus, spare.database) > before, PATIENCE, "work is resumed")
    print(f"the next record was stored {time.monotonic() - began:.1f} s after the host's return")
    check_all_is_stored(bus, spare, process, path, count, 2)
    assert process.stop() == 0


def test_another_collector_takes_over(bus, switch, on):
    """The first one's host loses power and does not come back: heartbeats tell, and the next of the worker's list has the rest. What the dead one has acked is in its store."""
    hub, far, spare = on(switch, "hub"), on(switch, "far"), on(switch, "spare")
    collector = spare.collector()
    hub.collector()
    path, count = bus.directory / "count", (150_000 if FULL else 12_000) // SCALE
    process = far.worker(f"{spare.endpoint},{hub.endpoint}", path, count, "--pause-every", "5", "--hold")
    eventually(lambda: rows(bus, spare.database) > 2_000 // SCALE, LONG)
    switch.cut("spare")
    began = time.monotonic()
    collector.kill()
    eventually(lambda: bus.count("logger = 'burst'", database=hub.database) > 0, LONG, "the other collector has records")
    print(f"the other collector had records {time.monotonic() - began:.1f} s after the power was lost")
    eventually(lambda: counters(path) == (count,), LONG)

    def together():
        numbers = [stored_numbers(bus, host.database).get((process.pid, 0), []) for host in (spare, hub)]
        # Those that were stored there, and whose ack was lost with the machine, are in both.
        return set(numbers[0]) | set(numbers[1]) == set(range(1, count + 1)) and numbers
    for numbers in eventually(together, LONG, "all of it is in one of the two"):
        assert numbers == sorted(set(numbers))
    assert process.stop() == 0


def test_the_workers_host_loses_power(bus, switch, on):
    """The collector learns by its heartbeats that nobody is there, and closes the connections; when the host is back, its spool is sent by whoever finds it there."""
    hub, far = on(switch, "hub"), on(switch, "far")
    collector = hub.collector()
    path = bus.directory / "count"
    process = far.worker(hub.endpoint, path, 10**9, "--pause-every", "5")
    eventually(lambda: rows(bus, hub.database) > 2_000 // SCALE, LONG)
    assert hub.status()["publishers_connected"] == 1
    switch.cut("far")
    process.kill()
    began = time.monotonic()
    eventually(lambda: hub.status()["publishers_connected"] == 0, LONG, "the worker is known to be gone")
    print(f"known to be gone {time.monotonic() - began:.1f} s after the power was lost")
    switch.mend("far")
    recovered = subprocess.run([*switch["far"], COMMAND, "recover"], env=far.environment | {"LOGBOOM_ENDPOINT": hub.endpoint}, capture_output=True, text=True,
                               timeout=LONG)
    assert recovered.returncode == 0, recovered.stderr
    check_returned(stored_numbers(bus, hub.database)[process.pid, 0], counters(path)[0])
    check_streams_are_whole(bus, hub.database)
    assert declared(bus, hub.database) == 0
    assert collector.stop() == 0
