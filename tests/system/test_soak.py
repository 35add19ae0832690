# ctest: long timeout=300
"""The soak (soak.py), for as long as there is time for in every run of the tests."""

import os
import random

import pytest

from conftest import BUILD
from soak import soak
from streams import SLOW


@pytest.mark.skipif(SLOW or not (BUILD / "preload" / "failing_disk.so").exists(), reason="sanitizers want to be the first library loaded")
def test_soak():
    soak(0.25, int(os.environ.get("LOGBOOM_SEED") or random.randrange(2**32)))
