"""The machine a run was made on, and what else it did meanwhile. Must not know what is measured."""

import os
import pathlib
import platform
import resource
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
# Processor time that others took, as a part of the machine's, from which on a run is marked.
FOREIGN_BOUND = 0.05


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"


def mount_of(path):
    """Device and file system that hold the path."""
    best = ("", "unknown", "unknown")
    real = os.path.realpath(path)
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        device, point, kind = line.split()[:3]
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= len(best[0]):
            best = (point, device, kind)
    return {"device": best[1], "file_system": best[2], "mounted_on": best[0]}


def describe(directory, compiler, flags):
    memory = next((line.split()[1] for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:")), "0")
    governor = pathlib.Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    clock = pathlib.Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_mib": int(memory) // 1024,
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "virtual": first_line(["systemd-detect-virt"]),
        "governor": governor.read_text().strip() if governor.exists() else None,
        "clock_source": clock.read_text().strip() if clock.exists() else None,
        "compiler": compiler,
        "flags": flags,
        "python": platform.python_version(),
        "directory": mount_of(directory) | {"path": str(directory)},
    }


def in_words(machine):
    disk = machine["directory"]
    return (f"{machine['processor']}, {machine['cores']} cores, {machine['memory_mib'] / 1024:.0f} GiB; {machine['system']}, Linux {machine['kernel']}; "
            f"{machine['compiler']} {machine['flags']}; files on {disk['file_system']} ({disk['device']})")


class Load:
    """What others took of the processors between construction and read(): all that /proc/stat counts, less this process and the children that it has waited for."""

    def __init__(self):
        self.begin = self._now()

    @staticmethod
    def _now():
        ticks = [int(part) for part in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        user, nice, system, idle, wait, hard, soft, steal = ticks
        mine = sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
        return time.monotonic(), (user + nice + system + hard + soft) / TICK, steal / TICK, mine

    def read(self):
        (since, busy, steal, mine), (now, busy_now, steal_now, mine_now) = self.begin, self._now()
        capacity = max((now - since) * os.cpu_count(), 1e-9)
        foreign = max(0.0, (busy_now - busy) - (mine_now - mine)) / capacity
        stolen = (steal_now - steal) / capacity
        return {"seconds": round(now - since, 1), "load_average": os.getloadavg()[0], "foreign": round(foreign, 3), "stolen": round(stolen, 3),
                "quiet": foreign <= FOREIGN_BOUND and stolen <= FOREIGN_BOUND}
