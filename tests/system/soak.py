"""Faults of every kind, at random, for as long as one likes: `./dev soak --minutes N [--seed S]`, and for a quarter of a minute test_soak.py.

Two hosts (network namespaces, where there can be any): collector and workers on one, workers on the other. All the while some fault begins or ends: the collector is killed or stopped,
a worker is killed or stopped, the network is cut, the disk under the store or under the spools is full or fails. In the end all faults are off, and then for each stream
logged = stored + declared, once, in order; the store is whole; resident memory of collector and workers is what docs/architecture.md allows, and did not grow.
"""

import argparse
import contextlib
import errno
import mmap
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from conftest import BUILD, COMMAND, Bus, Collector, Process, eventually, remove_memory_spools
from network import Switch
from streams import LONG, counters, declared, rows

COLLECTOR_MEMORY = 100  # MiB, as test_delivery has it under overload
WORKER_MEMORY = 16 + 3  # docs/architecture.md; three rings
KINDS = {"kill collector": 1, "stop collector": 2, "kill worker": 3, "stop worker": 2, "cut network": 3, "store full": 2, "store fails": 1, "spools full": 2, "spools fail": 1}


class Disk:
    """Calls that write below a directory fail, in processes that were told so (preload/failing_disk.cpp)."""

    def __init__(self, control, under):
        control.write_bytes(bytes(16))
        with open(control, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 16)
        self.environment = {"LD_PRELOAD": str(BUILD / "preload" / "failing_disk.so"), "LOGBOOM_TEST_DISK": str(control), "LOGBOOM_TEST_DISK_UNDER": str(under)}

    def fail(self, write=0, sync=0, every=1):
        self._memory[0:12] = struct.pack("<III", write, sync, every)

    def failed(self):
        return struct.unpack("<I", self._memory[12:16])[0]


class Host:
    """Workers of one host: their commands run in its namespace, their spools are its own."""

    def __init__(self, bus, name, prefix, endpoint):
        self.name, self.prefix = name, prefix
        self.spools = bus.directory / f"{name}-spools"
        self.disk = Disk(bus.directory / f"{name}-faults", self.spools)
        self.environment = bus.environment | {"LOGBOOM_SPOOL": str(self.spools), "LOGBOOM_ENDPOINT": endpoint}

    def left(self):
        return [entry for entry in self.spools.iterdir() if entry.name[0] != "."] if self.spools.exists() else []


class Worker:
    def __init__(self, host, name, path, arguments):
        self.host, self.name, self.path = host, name, path
        self.process = Process([*host.prefix, BUILD / "workers" / "burst", path, *arguments], host.environment | host.disk.environment | {"LOGBOOM_NAME": name})
        self.highest = 0.0

    def logged(self):
        return counters(self.path) if self.path.exists() else ()


def resident(process):
    try:
        with open(f"/proc/{process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize() / (1 << 20)
    except (OSError, IndexError):
        return 0.0


class Soak:
    def __init__(self, bus, minutes, seed, network):
        self.bus, self.seconds, self.chance = bus, minutes * 60, random.Random(seed)
        self.switch = Switch(("hub", "far")) if network else None
        self.endpoint = f"tcp://{self.switch.address['hub']}:7514" if network else None
        self.store = Disk(bus.directory / "store-faults", bus.database)
        self.workers, self.all, self.active, self.count = [], [], {}, {kind: 0 for kind in KINDS}
        self.series, self.started, self.collector, self.next_burst = [], 0, None, {}

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    # --- who takes part
    def start_collector(self):
        addresses = [self.bus.endpoint] + ([self.endpoint] if self.switch else [])
        prefix = self.switch["hub"] if self.switch else []
        self.collector = Collector([*prefix, COMMAND, "collect", *addresses, "--db", self.bus.database, "--insecure", "--no-adopt", "--adopt", self.hosts[0].spools],
                                   self.bus.environment | self.store.environment)
        self.collector_since = time.monotonic()

    def supervise(self):
        """As a service manager does: a collector that could not begin, since its disk was full or failed, is begun again. One that ended in another way is a fault of it."""
        if "kill collector" in self.active or self.collector.running():
            return
        said = "\n".join(self.collector.lines)
        assert self.collector.process.returncode == 1 and "cannot open" in said and "collecting on" not in said, f"ended with {self.collector.process.returncode}:\n{said}"
        self.start_collector()

    def start_worker(self, host, arguments):
        self.started += 1
        worker = Worker(host, f"w{self.started}", self.bus.directory / f"count{self.started}", [str(a) for a in arguments])
        self.workers.append(worker)
        self.all.append(worker)

    def replenish(self):
        """Two workers that log on and on, one of them dropping what has no room, and a burst, on each host."""
        for worker in [w for w in self.workers if not w.process.running()]:
            self.workers.remove(worker)
            if worker.kind == "burst":
                self.next_burst[worker.host] = time.monotonic() + self.chance.uniform(1, 8)
        for host in self.hosts:
            kinds = {w.kind for w in self.workers if w.host is host}
            for kind, arguments in (("steady", [10**9, "--threads", 1, "--pause-every", 1, "--block-ms", 3_600_000]),
                                    ("dropping", [10**9, "--threads", 1, "--pause-every", 2, "--text", 300, "--overflow", 1 << 20, "--drop"]),
                                    ("burst", [4_000, "--threads", 2, "--pause-every", 50, "--block-ms", 3_600_000])):
                if kind not in kinds and (kind != "burst" or time.monotonic() >= self.next_burst.get(host, 0)):
                    self.start_worker(host, arguments)
                    self.workers[-1].kind = kind

    # --- faults: each begins and, unless it is over at once, ends some seconds later
    def begin(self, kind):
        chance = self.chance
        end = None
        if kind == "kill collector":
            self.collector.kill()
            self.active.pop("stop collector", None)
            end = self.start_collector
        elif kind == "stop collector":
            self.collector.signal(signal.SIGSTOP)
            end = self.resume(self.collector)
        elif kind in ("kill worker", "stop worker"):
            running = [w for w in self.workers if w.process.running()]
            if not running:
                return
            worker = chance.choice(running)
            if kind == "kill worker":
                worker.process.kill()
            else:
                worker.process.signal(signal.SIGSTOP)
                end = self.resume(worker.process)
        elif kind == "cut network":
            self.switch.cut("far")
            end = lambda: self.switch.mend("far")
        elif kind.startswith("store"):
            self.store.fail(**({"write": errno.ENOSPC} if kind == "store full" else {"write": errno.EIO, "sync": errno.EIO, "every": 20}))
            end = self.store.fail
        else:
            host = chance.choice(self.hosts)
            host.disk.fail(**({"write": errno.ENOSPC} if kind == "spools full" else {"write": errno.EIO, "every": 5}))
            end = host.disk.fail
        self.count[kind] += 1
        lasts = 0.0 if end is None else chance.choice([0.1, 1, 3, 10]) * chance.uniform(0.5, 1.5)
        self.say(f"{kind}" + (f" for {lasts:.1f} s" if end else ""))
        if end is not None:
            self.active[kind] = (time.monotonic() + lasts, end)

    @staticmethod
    def resume(process):
        def go_on():
            if process.running():
                process.signal(signal.SIGCONT)
        return go_on

    def end_faults(self, now):
        for kind, (until, end) in list(self.active.items()):
            if now >= until:
                del self.active[kind]
                end()

    # --- memory
    def look(self):
        self.series.append((time.monotonic() - self.began, resident(self.collector.process) if self.collector.running() else None))
        for worker in self.workers:
            if worker.process.running():
                worker.highest = max(worker.highest, resident(worker.process))
        if len(self.series) % 60 == 0:
            self.say(f"{rows(self.bus)} rows; resident: collector {self.series[-1][1] or 0:.0f} MiB, workers {max(w.highest for w in self.all):.1f} MiB at most; faults: "
                     + ", ".join(f"{kind} {count}" for kind, count in self.count.items()))

    # --- the whole
    def run(self):
        self.began = time.monotonic()
        prefix = self.switch or {"hub": [], "far": []}
        self.hosts = [Host(self.bus, "hub", prefix["hub"], self.bus.endpoint)]
        if self.switch:
            self.hosts.append(Host(self.bus, "far", prefix["far"], self.endpoint))
        kinds = [kind for kind in KINDS if self.switch or kind != "cut network"]
        self.start_collector()
        next_fault, next_look = 1.0, 0.0
        while (passed := time.monotonic() - self.began) < self.seconds:
            self.end_faults(time.monotonic())
            self.replenish()
            if passed >= next_fault:
                next_fault = passed + self.chance.expovariate(1 / 3.0)
                kind = self.chance.choices(kinds, [KINDS[k] for k in kinds])[0]
                if kind not in self.active and "kill collector" not in self.active or kind == "kill worker":
                    self.begin(kind)
            if passed >= next_look:
                next_look = passed + 1.0
                self.supervise()
                self.look()
            time.sleep(0.05)
        self.finish()

    def finish(self):
        self.say("all faults end")
        self.end_faults(float("inf"))

        def ready():
            self.supervise()
            return any(re.search(Collector.READY, line) for line in self.collector.lines)
        eventually(ready, LONG, "a collector")
        for worker in self.workers:
            worker.process.kill()
        for host in self.hosts:
            def recovered(host=host):
                subprocess.run([*host.prefix, COMMAND, "recover", "--patience", "60"], env=host.environment, capture_output=True)
                return not host.left()
            eventually(recovered, LONG, f"spools of {host.name} are read")
        self.look()
        assert self.collector.stop() == 0, self.collector.stderr
        self.say("checking")
        self.check_records()
        self.check_memory()

    def check_records(self):
        """logged = stored + declared for each stream of each worker; once; in order."""
        query = self.bus.query
        assert query("PRAGMA integrity_check") == [("ok",)]
        (out_of_order,), = query("""SELECT count(*) FROM (SELECT sequence - lag(sequence) OVER (PARTITION BY s.publisher_id, s.stream ORDER BY r.id) AS step
                                    FROM record r JOIN source s ON s.id = r.source_id JOIN site ON site.id = r.site_id
                                    WHERE r.sequence IS NOT NULL AND site.logger <> 'logboom.gap') WHERE step <= 0""")
        assert out_of_order == 0, f"{out_of_order} records are twice, or out of order"
        broken = query("""SELECT publisher_id, stream, sum(n), max(last) FROM
                          (SELECT s.publisher_id, s.stream, count(*) AS n, max(r.sequence) AS last FROM record r JOIN source s ON s.id = r.source_id
                           JOIN site ON site.id = r.site_id WHERE r.sequence IS NOT NULL AND site.logger <> 'logboom.gap' GROUP BY 1, 2
                           UNION ALL SELECT publisher_id, stream, sum(last - first + 1), max(last) FROM gap GROUP BY 1, 2)
                          GROUP BY 1, 2 HAVING sum(n) <> max(last)""")
        assert not broken, f"streams with a hole that nobody declares: {broken}"
        stored, publishers = {}, {}
        for process, t, publisher, n, least, most in query(
                """SELECT s.process, r.fields->>'t', s.publisher_id, count(*), min(r.fields->>'i'), max(r.fields->>'i') FROM record r
                   JOIN source s ON s.id = r.source_id JOIN site ON site.id = r.site_id WHERE site.logger = 'burst' GROUP BY 1, 2, 3"""):
            stored[process, t], publishers[process] = (n, least, most), publisher
        gaps = {publisher: (all_, first) for publisher, all_, first in query(
            "SELECT publisher_id, sum(last - first + 1), sum(CASE stream WHEN 0 THEN last - first + 1 ELSE 0 END) FROM gap GROUP BY 1")}
        # A call site that found the disk full, in a process that ended before it could send: the record is there, and says that (docs/spool.md, "Catalogue").
        without_site = dict(query("""SELECT s.process, count(*) FROM record r JOIN source s ON s.id = r.source_id JOIN site ON site.id = r.site_id
                                     WHERE site.logger = 'logboom.lost' GROUP BY 1"""))
        for process, publisher in query("SELECT DISTINCT process, publisher_id FROM source"):
            publishers.setdefault(process, publisher)
        logged = kept = 0
        for worker in self.all:
            returned = worker.logged()
            there = [stored.get((worker.name, t), (0, 0, 0)) for t in range(len(returned))]
            bare = without_site.get(worker.name, 0)
            n = sum(count for count, _, _ in there) + bare
            # Stream 0 has what the library itself says, too, which may be among what was lost of it.
            lost, of_others = gaps.get(publishers.get(worker.name), (0, 0))
            what = f"{worker.name} ({worker.kind}): {returned} logged, {there} stored, {bare} without their call site, {lost} declared"
            assert sum(returned) <= n + lost <= sum(returned) + len(returned) + of_others, what
            assert lost == 0 or worker.kind == "dropping", what
            assert lost + bare > 0 or all(count == most and least in (0, 1) for count, least, most in there), what
            logged, kept = logged + sum(returned), kept + n
        print(f"{len(self.all)} workers: {logged} records logged, {kept} stored once and in order (with those whose call had not returned), {declared(self.bus)} declared lost, "
              f"{sum(without_site.values())} without their call site")
        print("faults: " + ", ".join(f"{kind} {count}" for kind, count in self.count.items())
              + f"; failed calls of the store: {self.store.failed()}, of the spools: {sum(host.disk.failed() for host in self.hosts)}")

    def check_memory(self):
        seen = [size for _, size in self.series if size]
        step = max(len(seen) // 30, 1)
        print("collector, resident MiB: " + " ".join(f"{max(seen[i:i + step]):.0f}" for i in range(0, len(seen), step)))
        print(f"workers, resident MiB at most: {max(w.highest for w in self.all):.1f}")
        assert max(seen) <= COLLECTOR_MEMORY
        assert max(w.highest for w in self.all) <= WORKER_MEMORY
        if len(seen) >= 300:  # five minutes: less is the beginning of each of them
            third = len(seen) // 3
            middle, last = statistics.median(seen[third:2 * third]), statistics.median(seen[2 * third:])
            print(f"collector, median of the second third {middle:.1f} MiB, of the last {last:.1f} MiB")
            assert last <= 1.2 * middle + 4

    def stop(self):
        for worker in self.all:
            worker.process.kill()
        if self.collector is not None:
            self.collector.kill()
        for address in (self.endpoint, str(self.bus.directory)):
            if address:
                remove_memory_spools(address)


def soak(minutes, seed):
    """@return the directory, which is removed, if all is well"""
    print(f"soak of {minutes} minutes, seed {seed}", flush=True)
    bus = Bus(tempfile.mkdtemp(prefix="lb-", dir="/tmp"))
    this = Soak(bus, minutes, seed, network=True)
    try:
        this.switch.make()
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no network namespaces here, so the network is not cut: {getattr(error, 'stderr', None) or error}")
        this.switch.delete()
        this.switch = None
    try:
        this.run()
    except BaseException:
        print(f"what there is of it is in {bus.directory}; the collector said:\n{this.collector.stderr if this.collector else ''}", flush=True)
        raise
    else:
        shutil.rmtree(bus.directory)
    finally:
        this.stop()
        if this.switch:
            this.switch.delete()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        soak(chosen.minutes, chosen.seed)
