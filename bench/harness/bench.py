"""What every section gets: the programs, the peers, how much to do, and a place on the disk. Must not know any section."""

import contextlib
import json
import os
import pathlib
import shutil
import tempfile

from harness.processes import Bus, Failed, Program

SYSTEM_PATHS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Bench:
    def __init__(self, build, rounds, quick, plots, say=print):
        self.build, self.rounds, self.quick, self.plots, self.say = pathlib.Path(build), rounds, quick, pathlib.Path(plots), say
        self.command = self.build / "logboom"
        self.peers = json.loads((self.build / "bench" / "peers.json").read_text())
        # Unpacked by ./dev bench: where the package is not installed.
        self.unpacked = pathlib.Path(os.environ.get("LOGBOOM_UNPACKED_PEERS", self.build.parent / "peers"))

    def pick(self, full, quick):
        return quick if self.quick else full

    @contextlib.contextmanager
    def directory(self):
        """Short, for a socket's path has 107 bytes at most. On the disk that TMPDIR names."""
        made = pathlib.Path(tempfile.mkdtemp(prefix="lb-"))
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    @contextlib.contextmanager
    def bus(self, **more):
        with self.directory() as directory:
            yield Bus(directory, self.command, **more)

    def path_of(self, program):
        path = self.build / "bench" / program
        if not path.exists():
            raise Failed(f"{path} is not built: ./dev build release bench_all")
        return path

    def program(self, name, *arguments, bus=None, wrapper=(), asked=False):
        environment = bus.environment if bus else None
        return Program([*wrapper, self.path_of(name), *arguments], environment, asked)

    def compiled_peer(self, name):
        """None where it can be measured, else the reason."""
        said = self.peers.get(name, "unknown to CMake")
        return None if said is True else said

    def packaged_peer(self, package, program):
        """(command, environment, root directory) of a peer from a package, installed or unpacked; (None, reason, None) where it is absent."""
        for directory in SYSTEM_PATHS:
            if (path := pathlib.Path(directory) / program).exists():
                return [str(path)], dict(os.environ), pathlib.Path("/")
        root = self.unpacked / package
        for directory in SYSTEM_PATHS:
            if (path := root / directory.lstrip("/") / program).exists():
                libraries = [str(each) for each in (*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu"), *root.glob("usr/lib/syslog-ng"))]
                return [str(path)], os.environ | {"LD_LIBRARY_PATH": ":".join(libraries)}, root
        return None, f"no {program} in the system, nor in {root}, where ./dev bench unpacks the package {package}", None


def interleave(rounds, subjects, say=lambda _: None, peers=(), absent=None):
    """subjects: name → callable. One round of each in turn, as often as there are rounds. Returns name → list of what they gave.

    One of `peers` that fails is left out from there on, and `absent` says why: its fault must not cost what the others gave.
    """
    found = {name: [] for name in subjects}
    for turn in range(rounds):
        for name, measure in subjects.items():
            if name not in found:
                continue
            say(f"round {turn + 1} of {rounds}: {name}")
            try:
                found[name].append(measure())
            except Failed as error:
                if name not in peers:
                    raise
                absent[name] = f"failed in round {turn + 1} of {rounds}: {error}"
                del found[name]
    return found
