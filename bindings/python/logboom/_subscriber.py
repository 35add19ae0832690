"""Live records: an iterator, an asynchronous iterator, and a way into the local logging."""

import asyncio
import collections
import threading

from . import _core, _records, _server
from ._selection import selection

_BATCH = 256


class Subscriber:
    """Records of a collector, live; with `since` or `last` after those that its store has, without a gap or a repeat.

    The filter's words are those of the command line. `where` is a text like "rows>=10", a list of them, or a dict of
    fields that have to be equal.

    until_idle  True: the iteration ends once at least one publisher came and all have left, and everything they logged was
                seen; a number: that at least so many came. A publisher of this very process is not waited for.
    endpoint    the collector's address; LOGBOOM_ENDPOINT, then the default
    curve_server_key, curve_secret   the collector's public key, or a file of it, and the file of one's own secret key, where the collector asks
                for keys; else LOGBOOM_CURVE_SERVER_KEY and LOGBOOM_CURVE_SECRET
    database    the store's file, where the collector's own path does not lead to it
    wait        seconds to wait for the collector here. Without one it is waited for in the background, and records of
                before it answered are not seen

    One thread at a time reads; stop() and close() are for any. Raises ValueError for a filter or an address that cannot be
    read, StoreError for history that cannot be, RefusedError (also from reading) when the collector does not let this viewer in.
    """

    def __init__(self, *, level=None, logger=None, host=None, process=None, pid=None, grep=None, where=None, since=None,
                 until=None, last=None, until_idle=False, endpoint=None, database=None, refetch=True, wait=2.0,
                 curve_server_key=None, curve_secret=None):
        chosen = selection(level=level, logger=logger, host=host, process=process, pid=pid, grep=grep, where=where,
                           since=since, until=until, last=last)
        self._live = _core.LiveReader(chosen, endpoint=endpoint or "", curve_server_key=curve_server_key or "",
                                      curve_secret=str(curve_secret or ""), database=str(database or ""), refetch=refetch,
                                      until_idle=int(until_idle))
        self._ready = collections.deque()
        self._async = None
        self._dispatch = None
        if wait:
            self._live.wait_until_live(wait)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- reading

    def next(self, timeout=None):
        """The next record; None when none came within `timeout` seconds (None: for ever), or no more will come."""
        if self._async is not None:
            raise RuntimeError("read by `async for` already")
        if not self._ready:
            # What is there is taken in one go, so that not each record costs a wait.
            self._ready.extend(self._live.take(_BATCH, timeout))
        return self._ready.popleft() if self._ready else None

    def __iter__(self):
        return self

    def __next__(self):
        record = self.next()
        if record is None:
            raise StopIteration
        return record

    def __aiter__(self):
        if self._async is None:
            self._async = _AsyncReader(self._live, self._ready)
        return self._async

    def wait_until_live(self, timeout=None):
        """True once every later record will be seen."""
        return self._live.wait_until_live(timeout)

    # --- the local logging

    def to_logging(self, *, own=False):
        """Gives each record to the local `logging` as a LogRecord, until the end or stop(). Returns how many were handled.

        Levels, filters, propagation and handlers are those of the logger of the record's name, or of the nearest above it. Records that
        this process has logged are left out (its handlers have had them) unless `own`. Nothing is sent back to the bus: logboom.Handler
        and stock socket handlers that lead to a Server of this process do not get the records. A handler that raises does
        not end it: see `failures`, and logging.raiseExceptions.
        """
        dispatch = self._dispatcher()
        before = dispatch.handled
        while (record := self.next()) is not None:
            if self._wanted(record, own):
                dispatch(record)
        return dispatch.handled - before

    async def to_logging_async(self, *, own=False):
        """to_logging() as a coroutine. Handlers run on the event loop."""
        dispatch = self._dispatcher()
        before = dispatch.handled
        async for record in self:
            if self._wanted(record, own):
                dispatch(record)
        return dispatch.handled - before

    def _dispatcher(self):
        if self._dispatch is None:
            self._dispatch = _records.Dispatch(_server.leads_back)
        return self._dispatch

    @staticmethod
    def _wanted(record, own):
        return not _records.came_around(record) and (own or not _records.is_own(record))

    # --- state

    @property
    def failures(self):
        """How often a handler has raised in to_logging()."""
        return self._dispatch.failures if self._dispatch else 0

    @property
    def missed(self):
        """Records that came faster than they were read and could not be read from the store either."""
        return self._live.missed

    @property
    def ended(self):
        """All publishers have left (until_idle)."""
        return self._live.ended and not self._ready

    def stop(self):
        """Ends the iteration, now and later. From any thread."""
        self._live.stop()

    def finish(self):
        """To be called when the processes whose records are wanted have ended: the iteration ends once all that they have logged was seen.

        For a program that knows its workers, in place of `until_idle`. Publishers that are still there are waited for. From any thread.
        """
        self._live.finish()

    def close(self):
        """stop(), and gives the connection back."""
        self._live.close()
        if self._async is not None:
            self._async.join()


class _AsyncReader:
    """One thread reads and hands over what it has; the event loop is woken once a batch. Bounded: the thread waits while the loop
    has more than a few batches before it."""

    _ROOM = 4 * _BATCH

    def __init__(self, live, ready):
        self._live = live
        self._loop = asyncio.get_running_loop()
        self._records = ready  # of the loop
        self._waiting = None
        self._over = False
        self._failure = None
        self._room = threading.Event()
        self._room.set()
        self._thread = threading.Thread(target=self._read, name="logboom-subscriber", daemon=True)
        self._thread.start()

    def _read(self):
        failure = None
        try:
            while not self._live.over:
                records = self._live.take(_BATCH, 1.0)
                if records:
                    self._room.clear()
                    self._loop.call_soon_threadsafe(self._arrived, records)
                    while not self._room.wait(0.5) and not self._loop.is_closed():
                        pass
        except Exception as error:
            failure = error
        try:
            self._loop.call_soon_threadsafe(self._end, failure)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    def _arrived(self, records):
        self._records.extend(records)
        if len(self._records) < self._ROOM:
            self._room.set()
        self._wake()

    def _end(self, failure):
        self._over = True
        self._failure = failure
        self._wake()

    def _wake(self):
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError("read on another event loop")
        while not self._records:
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if self._over:
                raise StopAsyncIteration
            if self._waiting is not None and not self._waiting.done():
                raise RuntimeError("read by another task already")
            self._waiting = self._loop.create_future()
            await self._waiting
        record = self._records.popleft()
        if len(self._records) < self._ROOM:
            self._room.set()
        return record

    def join(self):
        self._room.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(5.0)


def query(database, *, level=None, logger=None, host=None, process=None, pid=None, grep=None, where=None, since=None,
          until=None, last=None, text=None):
    """Records of a store, its closed files included, as an iterator: oldest first; with `last`, of the newest that pass; with `text`, those that
    have all its words in message or exception (word* takes all that begin so, "two words" stand together).

    The file may be written meanwhile: records that were committed later than the call are not in it. Read in pages, so that memory does
    not grow with the number of records. A closed file that retention removes before it is read is left out, with a RuntimeWarning. Raises StoreError, ValueError.
    """
    chosen = selection(level=level, logger=logger, host=host, process=process, pid=pid, grep=grep, where=where,
                       since=since, until=until, last=last)
    return _core.HistoryReader(str(database), chosen, text or "")
