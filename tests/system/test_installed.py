# ctest: timeout=600
"""An installed logboom, as users meet it: CMake package, pkg-config, SONAME, exported symbols, the command."""

import os
import re
import shlex
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from conftest import SANITIZED

BUILD = Path(os.environ["LOGBOOM_BUILD"])
CONSUMER = Path(__file__).resolve().parent.parent / "consumer"

pytestmark = pytest.mark.skipif(SANITIZED, reason="a consumer would have to be built with the sanitizer, too")


def run(*command, **options):
    """Runs a command to its end; what it printed is in the failure's text."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, f"{shlex.join(str(word) for word in command)}\n{done.stdout}"
    return done.stdout


def is_std(symbol):
    """Instantiations of the standard library's templates, which every C++ library exports as weak symbols."""
    return re.match(r"(std|__gnu_cxx)::|(void|bool|auto|unsigned long|char\*?) std::|(vtable|typeinfo|typeinfo name) for std::", symbol)


def cached(name):
    match = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert match, f"{name} is not in the cache of {BUILD}"
    return match[1]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    # A path with a space: neither package file may break on it.
    destination = tmp_path_factory.mktemp("installed") / "pre fix"
    run("cmake", "--install", BUILD, "--prefix", destination)
    return destination


@pytest.fixture(scope="module")
def libdir(prefix):
    return prefix / cached("CMAKE_INSTALL_LIBDIR")


@pytest.fixture(scope="module")
def programs(prefix, tmp_path_factory):
    """The consumer, built by find_package(logboom)."""
    build = tmp_path_factory.mktemp("consumer")
    compiler = cached("CMAKE_CXX_COMPILER")
    run(
        *("cmake", "-G", "Ninja", "-S", CONSUMER, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}"),
        *(f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"),
    )
    run("cmake", "--build", build)
    return build


@pytest.fixture
def bus(tmp_path, monkeypatch):
    """A place of its own for a bus; short, because the address of a Unix socket is."""
    monkeypatch.setenv("LOGBOOM_ENDPOINT", f"ipc://{tmp_path}/b")
    monkeypatch.setenv("LOGBOOM_SPOOL", str(tmp_path / "spool"))
    return tmp_path


def collect_from(prefix, bus, program):
    """Runs the installed command's collector, then the program; the rows of the store."""
    database = bus / "logs.sqlite"
    with open(bus / "collector.err", "w+") as errors:
        collector = subprocess.Popen(
            [prefix / "bin" / "logboom", "collect", "--db", database, "--until-idle"], stderr=errors
        )
        try:
            run(program, timeout=60)
            assert collector.wait(60) == 0, Path(errors.name).read_text()
        finally:
            if collector.poll() is None:
                collector.send_signal(signal.SIGKILL)
                collector.wait()
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT name, level, message FROM logs WHERE name = 'solver.grid'").fetchall()


EXPECTED = [
    ("solver.grid", "INFO", "solved 4096 cells in 12.3 ms"),
    ("solver.grid", "WARNING", "residual 0.5"),
]


@pytest.mark.parametrize("program", ["publish", "publish_static"])
def test_cmake_consumer_publishes(prefix, programs, bus, program):
    assert collect_from(prefix, bus, programs / program) == EXPECTED


def test_pkg_config_consumer_publishes(prefix, libdir, bus):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(libdir / "pkgconfig")}
    flags = shlex.split(run("pkg-config", "--cflags", "--libs", "logboom", env=environment))
    program = bus / "publish"
    run("g++", "-std=c++20", "-o", program, CONSUMER / "publish.cpp", *flags, f"-Wl,-rpath,{libdir}")
    assert collect_from(prefix, bus, program) == EXPECTED


@pytest.mark.parametrize("program", ["read", "read_static"])
def test_collector_and_viewer_inside_a_program(programs, bus, program):
    database = bus / "logs.sqlite"
    assert run(programs / program, os.environ["LOGBOOM_ENDPOINT"], database, timeout=60) == "0\n"


@pytest.mark.parametrize("name", ["logboom", "logboom-collector", "logboom-viewer"])
def test_pkg_config_knows_the_version(libdir, name):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(libdir / "pkgconfig")}
    assert run("pkg-config", "--modversion", name, env=environment).strip() == "0.1.0"


@pytest.mark.parametrize("name", ["publisher", "collector", "viewer"])
def test_libraries_are_versioned_and_export_nothing_foreign(libdir, name):
    library = libdir / f"liblogboom_{name}.so"
    assert os.readlink(library) == f"liblogboom_{name}.so.0.1"
    assert f"soname: [liblogboom_{name}.so.0.1]" in run("readelf", "-d", library)

    symbols = run("nm", "-DC", "--defined-only", library).splitlines()
    names = [line.split(" ", 2)[2] for line in symbols]
    foreign = [symbol for symbol in names if "logboom" not in symbol and not is_std(symbol)]
    assert not foreign
    assert any(symbol.startswith("logboom::") for symbol in names)


# What programs may use: everything else is the libraries' own business, and would have to stay as it is for ever.
PUBLIC = {
    "publisher": """Publisher Context Logger::kSilent log set_thread_name set_thread_identity level_name parse_level find_field
        detail::describe detail::drop detail::error_code_text detail::Every detail::find_place detail::FormattedText detail::look_and_reserve
        detail::no_producer detail::put_cut_text detail::release_shared detail::text_limit detail::thread_state detail::tick_source
        detail::tick_source_word detail::ticks_slow detail::write_gap_if_pending""",
    "viewer": "Subscriber RefusedError Matcher StoreError query parse_time parse_field_test level_name parse_level find_field",
}
# It publishes what it adopts, and reads its own store.
PUBLIC["collector"] = "Collector " + PUBLIC["publisher"] + " " + PUBLIC["viewer"].replace("Subscriber RefusedError", "")


@pytest.mark.parametrize("name", ["publisher", "collector", "viewer"])
def test_libraries_export_the_public_names_and_no_others(libdir, name):
    symbols = run("nm", "-DC", "--defined-only", libdir / f"liblogboom_{name}.so").splitlines()
    exported = {re.sub(r"^(vtable|typeinfo|typeinfo name) for ", "", line.split(" ", 2)[2]) for line in symbols}
    exported = {re.split(r"[(\[]", name)[0] for name in exported if "logboom::" in name}
    allowed = PUBLIC[name].split()
    others = {symbol for symbol in exported
              if not any(symbol == f"logboom::{public}" or symbol.startswith(f"logboom::{public}::") for public in allowed)}
    assert not others, "export them in PUBLIC above, if programs are to use them"
    assert not [symbol for symbol in exported if "::Impl" in symbol]
    missing = [public for public in allowed if not any(symbol.startswith(f"logboom::{public}") for symbol in exported)]
    assert not missing, "no longer exported"


def test_man_pages_and_completions_are_where_they_are_looked_for(prefix):
    share = prefix / "share"
    pages = {page.name for page in (share / "man" / "man1").iterdir()}
    assert {"logboom.1", "logboom-tail.1", "logboom-status.1"} <= pages
    for file in ("bash-completion/completions/logboom", "zsh/site-functions/_logboom", "fish/vendor_completions.d/logboom.fish"):
        assert "collect" in (share / file).read_text()


def test_public_headers_do_not_name_private_libraries(prefix):
    headers = list((prefix / "include" / "logboom").rglob("*.hpp"))
    assert headers
    for header in headers:
        included = re.findall(r'#include\s*[<"]([^>"]+)[>"]', header.read_text())
        private = [name for name in included if re.match(r"(zmq|msgpack|sqlite3|SQLiteCpp|nlohmann|toml|fmt/ranges)", name)]
        assert not private, f"{header.name} includes {private}"


def test_every_public_header_stands_alone(prefix, tmp_path):
    include = prefix / "include"
    for header in sorted((include / "logboom").rglob("*.hpp")):
        source = tmp_path / "alone.cpp"
        source.write_text(f"#include <{header.relative_to(include)}>\n")
        run("g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{include}", source)
