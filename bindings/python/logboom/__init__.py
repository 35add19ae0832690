"""logboom: the log records of many processes in one place, live and durably.

    import logging, logboom
    logboom.attach()
    logging.getLogger("app.db").warning("slow query: %d ms", 312, extra={"table": "users"})

See docs/python.md of the project.
"""

from . import _core

if not _core.in_main_interpreter():
    raise ImportError("logboom works in the main interpreter of a process only, not in a sub-interpreter")

# The reading half first: what a module registers for the end of the process runs in reverse, and a server outlives its process's publishers.
from ._records import Record, RefusedError, StoreError
from ._server import Server
from ._subscriber import Subscriber, query
from ._context import context
from ._handler import TRACE, Handler, attach, detach, flush
from ._sampling import Sampling

__version__ = _core.version

__all__ = ["TRACE", "Handler", "Record", "RefusedError", "Sampling", "Server", "StoreError", "Subscriber", "__version__", "attach", "context", "detach", "flush", "query"]
