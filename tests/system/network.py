"""Hosts in network namespaces of their own, and what is between them: a bridge whose ports can be pulled, or a wire that loses and delays packets.

Needs root. The kernel's own netem is not asked for: where it is missing (as in many a virtual machine) the wire still works.
"""

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

import pytest

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Hosts(dict):
    """{name: prefix of a command that is to run there}, and .address[name]."""

    def __init__(self, names):
        self.tag = f"lb{os.getpid() % 100_000}"
        self.spaces = {name: f"{self.tag}{name}" for name in names}
        # Addresses that no other test has: who finds a dead worker's spool tells by them which bus it was for.
        net = f"10.{64 + os.getpid() % 64}.{os.getpid() // 64 % 256}"
        self.address = {name: f"{net}.{number}" for number, name in enumerate(names, 1)}
        super().__init__({name: ["ip", "netns", "exec", space] for name, space in self.spaces.items()})

    def make(self):
        for space in self.spaces.values():
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")

    def delete(self):
        for space in self.spaces.values():
            subprocess.run(["ip", "netns", "delete", space], capture_output=True)


class Switch(Hosts):
    """All hosts at a bridge in the first one's namespace; .cut(name) pulls the cable of another one, silently: no FIN, no RST."""

    def make(self):
        super().make()
        first, *others = self.spaces
        home = self.spaces[first]
        ip("-n", home, "link", "add", "bridge", "type", "bridge")
        ip("-n", home, "addr", "add", f"{self.address[first]}/24", "dev", "bridge")
        ip("-n", home, "link", "set", "bridge", "up")
        for name in others:
            ip("-n", home, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth", "netns", self.spaces[name])
            ip("-n", home, "link", "set", f"to-{name}", "master", "bridge", "up")
            ip("-n", self.spaces[name], "addr", "add", f"{self.address[name]}/24", "dev", "eth")
            ip("-n", self.spaces[name], "link", "set", "eth", "up")

    def _set(self, name, state):
        ip("-n", self.spaces[next(iter(self.spaces))], "link", "set", f"to-{name}", state)

    def cut(self, name):
        self._set(name, "down")

    def mend(self, name):
        self._set(name, "up")


class Wire(Hosts):
    """Two hosts and a wire that this process holds in its hand: .loss of packets (0 to 1), .delay of each in seconds each way, .jitter added to it (which reorders them)."""

    def __init__(self, names):
        super().__init__(names)
        self.loss, self.delay, self.jitter = 0.0, 0.0, 0.0
        self.passed, self.lost = 0, 0
        self.chance = random.Random(4711)
        self._ends, self._over = [], False

    def make(self):
        super().make()
        names = list(self.spaces)
        for number, name in enumerate(names):
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            self._ends.append(end)
            device = f"{self.tag}{number}"
            fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
            ip("link", "set", device, "netns", self.spaces[name])
            ip("-n", self.spaces[name], "addr", "add", self.address[name], "peer", self.address[names[1 - number]], "dev", device)
            ip("-n", self.spaces[name], "link", "set", device, "up")
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    def _forward(self):
        waiting, count = [], 0
        while not self._over:
            due = waiting[0][0] - time.monotonic() if waiting else 0.1
            ready, _, _ = select.select(self._ends, [], [], max(0.0, min(due, 0.1)))
            now = time.monotonic()
            for end in ready:
                for _ in range(64):
                    try:
                        packet = os.read(end, 65536)
                    except BlockingIOError:
                        break
                    if self.chance.random() < self.loss:
                        self.lost += 1
                        continue
                    count += 1
                    at = now + self.delay + (self.chance.uniform(0, self.jitter) if self.jitter else 0.0)
                    heapq.heappush(waiting, (at, count, self._ends[1 - self._ends.index(end)], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                self.passed += 1
                with contextlib.suppress(OSError):
                    os.write(end, packet)

    def delete(self):
        self._over = True
        if self._ends:
            self._thread.join()
        for end in self._ends:
            os.close(end)
        super().delete()


@contextlib.contextmanager
def standing(hosts, processes):
    """The hosts as long as this lasts; skips the test where there can be none. Processes in them are killed at the end."""
    try:
        hosts.make()
    except (OSError, subprocess.CalledProcessError) as error:
        hosts.delete()
        pytest.skip(f"no network namespaces here: {getattr(error, 'stderr', None) or error}")
    try:
        yield hosts
    finally:
        for process in processes:
            process.kill()
        hosts.delete()
