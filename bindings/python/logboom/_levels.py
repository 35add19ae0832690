"""Level rules (LOGBOOM_LEVEL, ``levels=…``, those that a collector sends) as levels of Python's loggers.

Touched are the loggers that a rule names, and no other: ``"info,app.db=debug,net=off"`` sets the levels of the root logger, of ``app.db`` and of ``net``; those below
inherit as always in module logging. What a logger had before comes back when no rule names it any more, unless the program has set another level meanwhile.
"""

from __future__ import annotations

import logging
import threading
from typing import Callable, Dict, Iterable, Tuple

from . import _core

_lock = threading.RLock()
_applied: Dict[str, Tuple[int, int]] = {}  # logger → its level before, the level set
_sources: Callable[[], Iterable[_core.Bus]] = tuple


def set_sources(sources: Callable[[], Iterable[_core.Bus]]) -> None:
    """Whose rules count; of two for one logger that of the later source."""
    global _sources
    _sources = sources


def apply(again: bool = False) -> None:
    """Makes the loggers' levels what the rules say. `again`: also where the program has set another since."""
    with _lock:
        rules: Dict[str, int] = {}
        for bus in _sources():
            rules.update(_core.parse_rules(bus.level_rules))
        for name in [name for name in _applied if name not in rules]:
            before, level = _applied.pop(name)
            logger = logging.getLogger(name)
            if logger.level == level:
                logger.setLevel(before)
        for name, level in rules.items():
            logger = logging.getLogger(name)
            before, last = _applied.get(name, (logger.level, None))
            if last == level and not (again and logger.level != level):
                continue
            if last is not None and logger.level != last:
                before = logger.level
            _applied[name] = (before, level)
            logger.setLevel(level)


def forked() -> None:
    global _lock
    _lock = threading.RLock()


_core.set_levels_hook(apply)
