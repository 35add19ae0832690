"""logboom.Sampling: not each record of a call site, and how many were left out."""

from __future__ import annotations

import collections
import logging
import os
import threading
import time
import weakref
from typing import Optional, Tuple

_MAX_SITES = 4096


class Sampling(logging.Filter):
    """A filter that passes the first record of each call site, and then

    every      each so many-th
    interval   the first after so many seconds
    once       none

    one of them. What passes has the attribute ``suppressed``, a field of the record: how many of its site were left out since the last that passed, if any were. A site is a
    file and a line. For a logger (``logger.addFilter``) or a handler, also in dictConfig (``"()": "logboom.Sampling"``); each object counts for itself. Of 4,096 sites at a time: the one
    that was silent the longest is forgotten, and begins anew.
    """

    def __init__(self, *, every: Optional[int] = None, interval: Optional[float] = None, once: bool = False) -> None:
        super().__init__()
        if (every is not None) + (interval is not None) + bool(once) != 1:
            raise ValueError("Sampling takes one of every=N, interval=SECONDS and once=True")
        if every is not None and every < 1:
            raise ValueError(f"Sampling: every={every!r} passes nothing; use 1 or more")
        if interval is not None and not interval >= 0:
            raise ValueError(f"Sampling: interval={interval!r} is no time; use seconds, 0 or more")
        self._every = every
        self._interval = interval
        self._lock = threading.Lock()
        # site → (left out since the last that passed, when that was)
        self._sites: collections.OrderedDict[Tuple[str, int], Tuple[int, float]] = collections.OrderedDict()
        _all.add(self)

    def filter(self, record: logging.LogRecord) -> bool:
        site = (record.pathname, record.lineno)
        now = time.monotonic()
        with self._lock:
            suppressed, last = self._sites.pop(site, (-1, now))
            passes = suppressed < 0 or self._due(suppressed, now - last)
            self._sites[site] = (0, now) if passes else (suppressed + 1, last)
            if len(self._sites) > _MAX_SITES:
                self._sites.popitem(last=False)
        if passes and suppressed > 0:
            record.suppressed = suppressed  # type: ignore[attr-defined]
        return passes

    def _due(self, suppressed: int, seconds: float) -> bool:
        if self._every is not None:
            return suppressed + 1 >= self._every
        return self._interval is not None and seconds >= self._interval


_all: weakref.WeakSet[Sampling] = weakref.WeakSet()


def _forked() -> None:
    # A thread that there is no more may have held it.
    for sampling in _all:
        sampling._lock = threading.Lock()


os.register_at_fork(after_in_child=_forked)
