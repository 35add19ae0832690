"""The programs of the benchmarks, each with next to nothing to do: that they run and say what the harness reads. Measures nothing."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from harness.bench import Bench  # noqa: E402
from harness.processes import Collector, Failed  # noqa: E402
from sections import cost, end_to_end, live, scale, transport  # noqa: E402

BUILD = pathlib.Path(os.environ.get("LOGBOOM_BUILD", ROOT / "build" / "release"))


@pytest.fixture
def bench(tmp_path):
    return Bench(BUILD, rounds=1, quick=True, plots=tmp_path, say=lambda line: None)


def test_log_call(bench):
    with bench.bus() as bus, bus.collect():
        found = bench.program("log_call_logboom", "--threads", "1", "--samples", "100", "--directory", str(bus.directory), bus=bus).result()
    assert found["stored"] and found["logged"] > 100 * 21 * 4
    for kind in ("paced", "burst"):
        of = found["workloads"]["static text"]["1"][kind]
        assert of["count"] == 100 and 0 <= of["p50"] <= of["p90"] <= of["p99"] <= of["max"] and of["curve"][-1][0] >= 0.98
    assert found["workloads"]["level off"]["1"]["loop"]["p50"] >= 0


def test_worker_and_raw_inserts(bench):
    found = end_to_end.logboom(bench, 2, 1000)
    assert found["rate"] > 0 and found["raw"] > 0 and found["raw_full"] > 0 and found["collector_mib"] > 1 and found["bytes"] > 50


def test_syslog_sender(bench, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        sender = bench.program("syslog_sender", str(tmp_path / "log"), "--records", "3").ready().begin()
        lines = [receiver.recv(1000).decode() for _ in range(3)]
        assert sender.result()["records"] == 3
    assert all(line.startswith("<14>") and "wrote " in line for line in lines) and "step=0" in lines[0]


def test_transport(bench):
    found = transport.wire_bytes(bench, 1000)
    assert 50 * 1000 < found["push"][0] < 500 * 1000 and found["control"][1] > 0
    assert transport.bare(bench, lambda directory: f"ipc://{directory}/bare", 10)["rate"] > 0
    assert transport.ours(bench, 1, 1000)["rate"] > 0
    assert transport.ours(bench, 1, 1000, curve=True)["rate"] > 0


def test_live(bench):
    found = live.ours(bench, 10_000, 500, 2)
    assert found["viewer"]["seen"] + found["viewer"]["missed"] == 500 and found["viewer"]["ms"]["p50"] > 0 and found["others"]["messages"] > 0
    hop = live.hop(bench, 10_000, 500, 300)["viewer"]
    assert hop["seen"] + hop["missed"] == 500 and hop["ms"]["p50"] > 0


def test_a_store_grows_and_is_asked(bench):
    found = scale.grow(bench, [1000, 2000], 1, 1, 1)
    assert found[1000]["filled"]["written"] == 1000 and found[2000]["filled"]["rows"] == 2000
    assert found[2000]["busy"] and found[2000]["floods"][0]["written"] >= 10_000
    answers = found[2000]["quiet"][0]
    assert answers["last 100"]["rows"] == 100 and answers["one logger prefix"]["rows"] > 0 and answers["counts per minute and level, a day"]["rows"] > 0
    assert answers["text search, 1 in 100"]["rows"] > 0 and answers["one field, 1 in 100"]["rows"] > 0


def test_bytes(bench):
    ring, overflow = cost.spool_bytes(bench)
    assert 50 < ring < 500 and 50 < overflow < 500
    sizes = cost.store_sizes(bench, cost.fill_from_fleet(bench, 20_000), 20_000, 256 << 10)
    assert 0 < sizes["closed files, compressed"] < sizes["store, index and roll-up included"] < 1000
    assert 0 < sizes["gzip of the text"] < sizes["pretty text line"] < 1000


def test_first_record(bench):
    with bench.bus() as bus, bus.collect():
        found = bench.program("first_record", "--records", "10", bus=bus).result()
    assert 0 < found["construction, ms"] < found["process start to first record stored, ms"]


def test_a_program_that_fails_says_why(bench):
    with pytest.raises(Failed, match="raw_inserts"):
        bench.program("raw_inserts", "/nowhere/at/all.sqlite", "/tmp/x").result()
    with pytest.raises(Failed, match="is not built"):
        bench.program("no_such_program")
    with bench.bus() as bus, bus.collect(), pytest.raises(Failed, match="ended"):
        Collector(bus, "--db", str(bus.database))  # the address is in use


def test_the_whole_of_it(tmp_path):
    """One command: tables, targets, machine, results as JSON; an absent peer is said to be absent."""
    ran = subprocess.run([sys.executable, "-B", ROOT / "bench" / "run.py", "^store$", "--quick", "--build", BUILD, "--output", tmp_path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "raw prepared inserts" in ran.stdout and "does not show:" in ran.stdout and "not measured" in ran.stdout
    result = json.loads((tmp_path / "latest.json").read_text())
    assert result["quick"] and result["machine"]["cores"] and result["sections"]["store"]["load"]["seconds"] > 0 and not result["failed"]
    assert result["targets"]["transport"]["verdict"] == "not measured" and result["command"] == f"./dev bench ^store$ --quick --build {BUILD} --output {tmp_path}"
    assert set(result["peers"]) >= {"quill", "fmtlog", "spdlog", "compiler"}
