"""The parts by themselves: the ring and the wire form, by Google Benchmark. Its JSON goes into the results as it is."""

import json
import subprocess

from harness.processes import Failed
from harness.report import Section
from harness.spread import Spread

PROGRAMS = ("ring_bench", "wire_bench")
NANOSECONDS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def run(bench):
    section = Section("parts", "the ring and the wire form by themselves", "loops of one operation; a batch has 256 records", "anything that happens between the parts; caches as a program has them that does other things as well")
    for program in PROGRAMS:
        bench.say(program)
        # As many seconds as its default, or so few that it only shows that it runs.
        command = [bench.path_of(program), "--benchmark_format=json", f"--benchmark_repetitions={bench.rounds}", f"--benchmark_min_time={bench.pick(0.5, 0.001)}"]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise Failed(f"{program} ended with {ran.returncode}: {ran.stderr.strip()}")
        section.measured[program] = json.loads(ran.stdout)
        times, per_record = {}, {}
        for one in section.measured[program]["benchmarks"]:
            if one["run_type"] == "iteration":
                name = f"{one['run_name']} {one.get('label', '')}".strip()
                times.setdefault(name, []).append(one["cpu_time"] * NANOSECONDS[one["time_unit"]])
                if "per_record" in one:
                    per_record.setdefault(name, []).append(one["per_record"] * 1e9)
        table = section.table(f"{program}, ns of processor time", ["operation", "each", "a record"])
        for name, values in times.items():
            table.row(name, Spread(values), Spread(per_record[name]) if name in per_record else None)
    return section
