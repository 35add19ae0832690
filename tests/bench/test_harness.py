"""The harness of the benchmarks by itself: spreads, ratios, targets, tables, load. Measures nothing."""

import json
import math
import pathlib
import sys
import types

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import run  # noqa: E402
from harness import machine, report, targets  # noqa: E402
from harness.bench import interleave  # noqa: E402
from harness.processes import Failed, Process  # noqa: E402
from harness.spread import Spread, number  # noqa: E402
from sections import scale  # noqa: E402


def test_a_spread_has_median_and_both_ends():
    spread = Spread([3, 1, 2])
    assert (spread.low, spread.median, spread.high) == (1, 2, 3)
    assert str(spread) == "2.00 [1.00–3.00]"
    assert spread.as_json() == {"median": 2, "low": 1, "high": 3, "rounds": [3, 1, 2]}


def test_ratios_are_of_the_same_rounds():
    ratio = Spread([1, 20]) / Spread([1, 10])  # the second round was ten times as slow for both
    assert (ratio.low, ratio.high) == (1, 2)
    with pytest.raises(ValueError):
        Spread([1, 2]) / Spread([1])
    assert (Spread([1]) / Spread([0])).median == math.inf


def test_a_spread_of_nothing_is_refused():
    with pytest.raises(ValueError):
        Spread([])


@pytest.mark.parametrize("value, text", [(0.123, "0.12"), (12.34, "12.3"), (123.4, "123"), (1234, "1,230"), (1234567, "1,230,000"), (-4.5, "-4.50"), (float("nan"), "–")])
def test_numbers_have_three_digits_that_count(value, text):
    assert number(value) == text


def test_a_target_is_met_missed_or_not_measured():
    verdicts = targets.judge({"log_call_p50": Spread([0.9]), "transport": Spread([0.6]), "live_p99": "no viewer", "store_bytes": None})
    assert verdicts["log_call_p50"]["verdict"] == "met" and verdicts["log_call_p50"]["met"] is True
    assert verdicts["transport"]["verdict"] == "missed: 0.6 of 0.7" and verdicts["transport"]["met"] is False
    assert verdicts["live_p99"]["verdict"] == "not measured: no viewer" and "met" not in verdicts["live_p99"]
    assert verdicts["store_bytes"]["verdict"] == verdicts["level_off"]["verdict"] == "not measured"
    assert set(verdicts) == {target.name for target in targets.TARGETS}


def test_a_target_at_its_limit_is_met():
    assert targets.judge({"end_to_end_raw": Spread([1.0])})["end_to_end_raw"]["verdict"] == "met"
    assert targets.judge({"log_call_p50": Spread([1.0])})["log_call_p50"]["verdict"] == "met"


def test_an_unknown_target_is_an_error():
    with pytest.raises(KeyError, match="no such target: nonsense"):
        targets.judge({"nonsense": Spread([1])})


def section_with(**measured):
    section = report.Section("name", "title", "workload", "nothing")
    section.targets = measured
    return section


def test_the_worst_of_several_sections_counts():
    sections = {"a": section_with(collector_memory=Spread([10])), "b": section_with(collector_memory=Spread([70])), "c": section_with(collector_memory=Spread([20]))}
    assert run.verdicts_of(sections)["collector_memory"]["verdict"] == "missed: 70 of 64"


def test_a_measurement_counts_more_than_a_reason_for_none():
    for order in ((Spread([10]), "absent"), ("absent", Spread([10]))):
        sections = {str(i): section_with(collector_memory=value) for i, value in enumerate(order)}
        assert run.verdicts_of(sections)["collector_memory"]["verdict"] == "met"


def test_a_section_says_what_is_absent_and_what_it_does_not_show():
    section = report.Section("name", "title", "a workload", "a network")
    section.absent["quill"] = "CMake finds none"
    table = section.table("a table", ["what", "rate"])
    table.row("ours", Spread([1, 2, 3]))
    section.load = {"seconds": 1, "load_average": 9.0, "foreign": 0.5, "stolen": 0.0, "quiet": False}
    text = section.as_text()
    for part in ("absent: quill: CMake finds none", "does not show: a network", "2.00 [1.00–3.00]", "NOT QUIET", "a workload"):
        assert part in text
    assert json.loads(json.dumps(section.as_json()))["absent"] == {"quill": "CMake finds none"}
    with pytest.raises(ValueError):
        table.row("too few")


def test_rounds_are_interleaved():
    order = []
    found = interleave(2, {"a": lambda: order.append("a") or 1, "b": lambda: order.append("b") or 2})
    assert order == ["a", "b", "a", "b"] and found == {"a": [1, 1], "b": [2, 2]}


def test_a_peer_that_fails_is_absent_and_the_others_go_on():
    turns = []

    def crash():
        turns.append("peer")
        raise Failed("peer ended with -11")

    absent = {}
    found = interleave(2, {"ours": lambda: 1, "peer": crash}, peers=["peer"], absent=absent)
    assert found == {"ours": [1, 1]} and turns == ["peer"] and absent == {"peer": "failed in round 1 of 2: peer ended with -11"}
    with pytest.raises(Failed):  # ours must not
        interleave(2, {"ours": crash, "peer": lambda: 1}, peers=["peer"], absent={})


def test_the_load_of_others_is_told_from_ones_own():
    load = machine.Load()
    busy = Process([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"])
    assert busy.wait() == 0
    read = load.read()
    own = busy.cpu / read["seconds"] / machine.os.cpu_count() if read["seconds"] else 0
    assert busy.cpu >= 0.3 and read["foreign"] <= 1.1 - min(own, 1) and read["quiet"] == (read["foreign"] <= 0.05 and read["stolen"] <= 0.05)


def test_the_machine_is_described():
    described = machine.describe("/tmp", "GNU 12", "-O2")
    assert described["cores"] >= 1 and described["kernel"] and described["directory"]["file_system"] and described["processor"]
    assert machine.in_words(described)


def test_what_a_process_says_when_it_fails_is_in_the_error():
    process = Process([sys.executable, "-c", "import sys; sys.exit('something is wrong')"])
    with pytest.raises(Failed, match="something is wrong"):
        process.wait_for_line("^ready$")
    with pytest.raises(Failed, match="cannot be started"):
        Process(["/nowhere/at/all"])


@pytest.mark.parametrize("arguments, message", [(["no_such_section"], "no section matches"), (["("], "is no regular expression"), (["store", "--rounds", "0"], "--rounds is at least 1")])
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as ended:
        run.arguments_of(arguments)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_quick_results_are_kept_apart():
    assert run.arguments_of(["--quick"])[0].output != run.arguments_of([])[0].output == BENCH / "results"


def test_a_store_that_floods_made_larger_than_the_next_size(tmp_path):
    """With many rounds a store grows past the next size while queries are asked: there is nothing to fill, which is no reason to lose the rest."""
    filled = {"rows": 100, "rate": 10.0, "transaction_ms": {"p99": 1.0}}
    flood = {"rows": 300, "rate": 5.0}
    stores = {100: {"filled": filled, "floods": [flood]}, 200: {"filled": {"rows": 300, "rate": 0.0, "transaction_ms": None}, "floods": []}}
    section = report.Section("scale", "", "", "")
    scale.insert_table(section, types.SimpleNamespace(plots=tmp_path), stores)
    rows = section.tables[0].rows
    assert [row[0] for row in rows] == ["100", "200"] and rows[1][1] is None and rows[1][-1] == "300" and "200 rows" in section.notes[0]
