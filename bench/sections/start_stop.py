"""How long a process takes to its first record and from its last one; what the header and a log call add to a compilation, beside quill and spdlog."""

import pathlib
import re
import resource
import subprocess

from harness.bench import interleave
from harness.processes import Failed
from harness.report import Section
from harness.spread import Spread

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALLS = 100

# name → (peer that CMake knows, header lines, a function's head, the call; {} is the number of the call, so that no two sites are equal)
HEADERS = {
    "nothing": (None, "", "void f(int i, double d) { (void)i; (void)d;", ""),
    "logboom": (None, "#include <logboom/logboom.hpp>", "void f(logboom::Logger log, int i, double d) {", 'LOGBOOM_INFO(log, "call {} of {{}} took {{:.1f}} ms", i, d);'),
    "quill": ("quill", "#include <quill/LogMacros.h>\n#include <quill/Logger.h>", "void f(quill::Logger* log, int i, double d) {", 'LOG_INFO(log, "call {} of {{}} took {{:.1f}} ms", i, d);'),
    "spdlog": ("spdlog", "#include <spdlog/spdlog.h>", "void f(spdlog::logger* log, int i, double d) {", 'SPDLOG_LOGGER_INFO(log, "call {} of {{}} took {{:.1f}} ms", i, d);'),
}


def source(name, calls):
    _, headers, head, call = HEADERS[name]
    return "\n".join([headers, head, *(f"  {call.format(number)}" for number in range(calls)), "}", ""])


def compile_flags(bench):
    flags = ["-std=c++20", "-O2", "-DNDEBUG", "-fPIC", f"-I{ROOT / 'include'}", "-DSPDLOG_COMPILED_LIB", "-DSPDLOG_FMT_EXTERNAL"]
    if include := bench.peers.get("quill_include"):
        flags += ["-isystem", include]
    return flags


def compiled(bench, directory, name, calls):
    """(CPU seconds of the compiler, bytes of code and constants in the object)."""
    text, made = directory / f"{name}{calls}.cpp", directory / f"{name}{calls}.o"
    text.write_text(source(name, calls))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run([bench.peers["compiler"], *compile_flags(bench), "-c", text, "-o", made], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode != 0:
        raise Failed(f"{name} does not compile: {ran.stderr.strip().splitlines()[0] if ran.stderr.strip() else 'without a word'}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, sizes_of(made)


def sizes_of(made):
    found = {"code": 0, "all": 0}
    for line in subprocess.run(["size", "-A", made], capture_output=True, text=True, check=True).stdout.splitlines():
        if match := re.match(r"(\.\S+)\s+(\d+)\s", line):
            section, size = match[1], int(match[2])
            found["code"] += size if section.startswith(".text") else 0
            found["all"] += size if section.startswith((".text", ".rodata", ".data", ".bss", ".eh_frame", ".gcc_except_table")) else 0
    return found


def run(bench):
    launches = bench.pick(20, 3)
    section = Section(
        "start_stop", "the first and the last record, and the compiler",
        f"{launches} processes a round, one after the other, with a collector that stores; flush and end after 1,000 more records. Compilation: one function in one file, -O2, no cache; calls with an int and a double",
        "a cold page cache; a machine that has just started; many processes at once (see scale); link time")
    rounds = interleave(bench.rounds, {"launches": lambda: launch(bench, launches)}, bench.say)["launches"]
    section.measured = {"launches": rounds}
    table = section.table("a process's life, ms", ["what", "median of a round", "slowest"])
    for what in rounds[0][0]:
        table.row(what.removesuffix(", ms"), Spread(Spread(one[what] for one in each).median for each in rounds), Spread(max(one[what] for one in each) for each in rounds))
    compilations(section, bench)
    return section


def launch(bench, launches):
    with bench.bus() as bus, bus.collect():
        return [bench.program("first_record", bus=bus).result() for _ in range(launches)]


def compilations(section, bench):
    names = []
    for name, (peer, *_) in HEADERS.items():
        if peer and (reason := bench.compiled_peer(peer)):
            section.absent[name] = reason
        else:
            names.append(name)
    with bench.directory() as directory:
        subjects = {f"{name} {calls}": lambda name=name, calls=calls: compiled(bench, directory, name, calls) for name in names for calls in ((0,) if name == "nothing" else (0, 1, 1 + CALLS))}
        found = interleave(bench.rounds, subjects, bench.say)
    section.measured["compilations"] = found
    table = section.table("one file, beside one that logs nothing", ["logger", "header, s", "header and a call, s", "a further call, ms", "object of a call, bytes", "code a further call", "code and constants a further call"])
    empty = Spread(seconds for seconds, _ in found["nothing 0"])
    for name in names[1:]:
        header, one, many = (Spread(seconds for seconds, _ in found[f"{name} {calls}"]) for calls in (0, 1, 1 + CALLS))
        first, last = (found[f"{name} {calls}"][0][1] for calls in (1, 1 + CALLS))
        code, everything = (Spread([(last[kind] - first[kind]) / CALLS]) for kind in ("code", "all"))
        table.row(name, header - empty, one - empty, Spread(each / CALLS * 1e3 for each in (many - one).values), Spread([first["all"]]), code, everything)
        if name == "logboom":
            section.targets |= {"compile_time": one - empty, "call_site_bytes": everything}
