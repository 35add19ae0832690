"""The wheel: `pip wheel --no-build-isolation bindings/python`, in a clone of the project (the C++ sources are two directories up).

The extension is built by the project's own CMake, for the Python that runs this; build/wheel-… of the clone keeps what was built, so that a second wheel is quick.
LOGBOOM_JOBS: parallel compilations (all cores). CMAKE_ARGS: further arguments for CMake. LOGBOOM_BUILD_DIR: a build that is configured for this Python already, to
be used instead (build/release).
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]


def version():
    text = (PROJECT / "include" / "logboom" / "version.hpp").read_text()
    return re.search(r'^#define LOGBOOM_VERSION "([0-9.]+)"', text, re.MULTILINE)[1]


class BuildWithCMake(build_ext):
    def build_extension(self, extension):
        target = pathlib.Path(self.get_ext_fullpath(extension.name)).resolve()
        build = pathlib.Path(os.environ.get("LOGBOOM_BUILD_DIR") or PROJECT / "build" / f"wheel-{sys.implementation.cache_tag}")
        output = build / "python"
        if "LOGBOOM_BUILD_DIR" not in os.environ:
            subprocess.run(
                ["cmake", "-S", str(PROJECT), "-B", str(build), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={sys.executable}",
                 f"-DLOGBOOM_PYTHON_OUTPUT={output}", "-DLOGBOOM_TESTS=OFF", "-DLOGBOOM_BENCH=OFF", "-DLOGBOOM_PYTHON=ON",
                 *shlex.split(os.environ.get("CMAKE_ARGS", ""))], check=True)
        jobs = os.environ.get("LOGBOOM_JOBS") or str(os.cpu_count() or 1)
        subprocess.run(["cmake", "--build", str(build), "--parallel", jobs, "--target", "logboom_python"], check=True)
        built = list((output / "logboom").glob(f"_core*{target.suffix}"))
        wanted = [path for path in built if path.name == target.name]
        if not wanted:
            raise RuntimeError(f"CMake built {[p.name for p in built]}, not {target.name}: was another Python found?")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Without the line numbers of backtraces, which are most of it.
        subprocess.run(["strip", "--strip-unneeded", "-o", str(target), str(wanted[0])], check=True)


setup(version=version(), ext_modules=[Extension("logboom._core", sources=[])], cmdclass={"build_ext": BuildWithCMake})
