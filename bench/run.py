#!/usr/bin/env python3
"""Runs the benchmarks: the sections whose name matches, one after the other, in each of them everything in turn, round by round. `./dev bench` builds what this needs.

Writes bench/results/<date>-<commit>.json (latest.json is a copy) and the plots beside it; with --quick, whose figures are of no use, below build/ instead.
docs/benchmarks.md says what each section shows and does not show.
"""

import argparse
import datetime
import importlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from harness import machine, plots, report, targets  # noqa: E402
from harness.bench import Bench  # noqa: E402
from harness.processes import Failed  # noqa: E402

SECTIONS = ("log_call", "end_to_end", "transport", "live", "cost", "scale", "start_stop", "store", "python_handler", "python_inputs", "parts")


def commit():
    def git(*arguments):
        return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True).stdout.strip()
    try:
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def arguments_of(argv):
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures logboom beside its peers.", epilog=f"Sections: {', '.join(SECTIONS)}.")
    parser.add_argument("pattern", nargs="?", default="", help="regular expression: only the sections whose name matches")
    parser.add_argument("--quick", action="store_true", help="few records and rounds: shows that everything runs, measures nothing")
    parser.add_argument("--rounds", type=int, help="how often everything is measured in turn (5; 1 with --quick)")
    parser.add_argument("--build", type=pathlib.Path, default=os.environ.get("LOGBOOM_BUILD", ROOT / "build" / "release"))
    parser.add_argument("--output", type=pathlib.Path, help="directory of the results")
    options = parser.parse_args(argv)
    try:
        chosen = [name for name in SECTIONS if re.search(options.pattern, name)]
    except re.error as error:
        parser.error(f"\"{options.pattern}\" is no regular expression: {error}")
    if not chosen:
        parser.error(f"no section matches \"{options.pattern}\"; there are {', '.join(SECTIONS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds is at least 1")
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.output = options.output or (options.build / "bench-results" if options.quick else HERE / "results")
    return options, chosen


def run_section(name, bench):
    """The section, or why there is none."""
    load = machine.Load()
    try:
        section = importlib.import_module(f"sections.{name}").run(bench)
    except Failed as error:
        return None, str(error)
    except Exception:  # one that breaks must not take with it what the others took an hour for
        return None, traceback.format_exc()
    section.load = load.read()
    return section, None


def verdicts_of(sections):
    measured = {}
    for section in sections.values():
        for name, value in section.targets.items():
            # Several sections may see one thing: the collector's memory. The worst counts.
            if not isinstance(measured.get(name), report.Spread) or (isinstance(value, report.Spread) and value.median > measured[name].median):
                measured[name] = value
    return targets.judge(measured)


def target_table(verdicts, quick):
    table = report.Table("Targets" + (" (--quick: these verdicts mean nothing)" if quick else ""), ["target", "wanted", "measured", "verdict"])
    for verdict in verdicts.values():
        table.row(verdict["target"], verdict["wanted"], verdict.get("shown", "–"), verdict["verdict"])
    return "\n".join(table.lines())


def write_results(output, stem, result):
    path = output / f"{stem}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    shutil.copyfile(path, output / "latest.json")
    return path


def main(argv):
    options, chosen = arguments_of(argv)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if most != resource.RLIM_INFINITY else 65_536, most))  # hundreds of processes have three pipes each
    now = datetime.datetime.now(datetime.timezone.utc)
    stem = f"{now:%Y-%m-%d}-{commit()}"
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        bench = Bench(options.build, options.rounds, options.quick, options.output / f"{stem}-plots", say=lambda line: print(f"   … {line}", file=sys.stderr))
    except OSError as error:
        print(f"bench: {error}; build first: ./dev bench builds what is needed", file=sys.stderr)
        return 1
    about = machine.describe(os.environ.get("TMPDIR", "/tmp"), bench.peers["compiler_name"], bench.peers["flags"])
    print(f"logboom {stem}, {now:%H:%M} UTC: {machine.in_words(about)}\n{options.rounds} rounds in turn; median [lowest–highest]; ratios round by round")
    if plots.ABSENT:
        print(plots.ABSENT)
    sections, failed = {}, {}
    for name in chosen:
        print(f"\n… {name}", file=sys.stderr)
        section, problem = run_section(name, bench)
        if section is None:
            failed[name] = problem
            print(f"\n━━ {name}: FAILED: {problem}", flush=True)
        else:
            sections[name] = section
            print("\n" + section.as_text(), flush=True)
    verdicts = verdicts_of(sections)
    print("\n" + target_table(verdicts, options.quick))
    path = write_results(options.output, stem, {
        "date": now.isoformat(timespec="seconds"), "commit": stem.split("-", 3)[3], "command": " ".join(["./dev bench", *argv]), "quick": options.quick, "rounds": options.rounds,
        "machine": about, "peers": bench.peers, "quiet": all(section.load["quiet"] for section in sections.values()), "targets": verdicts, "failed": failed,
        "sections": {name: section.as_json() for name, section in sections.items()}})
    print(f"\nresults: {path}" + (f", plots: {bench.plots}" if bench.plots.exists() else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
