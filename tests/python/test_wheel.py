# ctest: timeout=900
"""The wheel: made with Debian's packages alone, installed into a fresh environment; and the extension in another CPython of the same version."""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import BUILD, PACKAGE, bus, eventually  # noqa: F401

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "bindings" / "python"
ONE_RECORD = "import logging, logboom; logboom.attach(); logging.warning('from %s', 'there'); assert logboom.flush(60); print(logboom.__file__)"


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    # What setuptools leaves beside its sources must not get into the project's tree.
    copy = directory / "source" / "bindings" / "python"
    shutil.copytree(SOURCE, copy)
    (directory / "source" / "include").symlink_to(SOURCE.parents[1] / "include")
    environment = os.environ | {"LOGBOOM_BUILD_DIR": str(BUILD), "LOGBOOM_JOBS": "1", "PIP_NO_INDEX": "1"}
    run(sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", directory, copy, env=environment)
    made, = directory.glob("*.whl")
    return made


def test_contents(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    files = {name.split("/", 1)[1] for name in names if name.startswith("logboom/")}
    assert {path.name for path in (SOURCE / "logboom").iterdir() if path.suffix in (".py", ".pyi", ".typed")} <= files
    assert "py.typed" in files and len([f for f in files if f.startswith("_core.cpython")]) == 1
    metadata = zipfile.ZipFile(wheel).read(next(n for n in names if n.endswith("METADATA"))).decode()
    assert re.search(r"^Name: logboom$", metadata, re.M) and "Apache-2.0" in metadata and ">=3.9" in metadata


def test_installs_and_logs(wheel, tmp_path, bus, collector):
    run(sys.executable, "-m", "venv", "--system-site-packages", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel)
    environment = {k: v for k, v in bus.environment.items() if k != "PYTHONPATH"}
    assert str(tmp_path) in run(python, "-c", ONE_RECORD, env=environment, cwd=tmp_path)
    eventually(lambda: bus.count("message = 'from there'") == 1)


def other_pythons():
    """Other builds of this minor version of CPython."""
    name = "python%d.%d" % sys.version_info[:2]
    found = glob.glob(f"/root/.pyenv/versions/*/bin/{name}") + glob.glob(os.path.expanduser(f"~/.pyenv/versions/*/bin/{name}"))
    return sorted({os.path.realpath(path) for path in found} - {os.path.realpath(sys.executable)})


def test_loads_in_another_python_of_the_same_version(bus, collector, tmp_path):
    others = other_pythons()
    if not others:
        pytest.skip("no other CPython of this version here")
    for k, python in enumerate(others, 1):
        run(python, "-c", ONE_RECORD, env=bus.environment | {"PYTHONPATH": str(PACKAGE)}, cwd=tmp_path)
        eventually(lambda: bus.count("message = 'from there'") == k)


def test_shows_no_symbol_but_its_entry():
    extension, = PACKAGE.glob("logboom/_core.*.so")
    symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", extension).splitlines()]
    assert symbols == ["PyInit__core"]
    assert "logboom" not in run("readelf", "-d", extension).replace(str(extension), "")


def test_needs_little_of_the_storage_that_late_libraries_share():
    """Thread-local storage: what does not fit what the loader has left is an ImportError, in some programs and not in others."""
    extension, = PACKAGE.glob("logboom/_core.*.so")
    line, = [line for line in run("readelf", "-lW", extension).splitlines() if line.split()[:1] == ["TLS"]]
    assert int(line.split()[5], 16) <= 768
