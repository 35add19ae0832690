"""Log calls without a LogRecord: the same is stored, and whoever would have seen the record sees it."""

import pytest
from conftest import eventually, stored

PROGRAM = """
    import logging, multiprocessing, os, sys, threading, collections
    import logboom
    logboom.attach(fast=sys.argv[1] == "fast")
    assert (logging.Logger._log.__class__.__name__ == "method_descriptor") == (sys.argv[1] == "fast")
    root, log = logging.getLogger(), logging.getLogger("a.b.c")
    root.setLevel(1)
    logging.raiseExceptions = False
    logging.addLevelName(35, "NOTICE")
    logging.getLogger("a").addHandler(logging.NullHandler())
    class Shows:
        def __str__(self): return "shown"
        def __repr__(self): return "<shows>"
    class Raises:
        def __str__(self): raise ValueError
        __repr__ = __str__

    def calls():
        log.info("plain")
        log.warning("%s of %d", "one", 2)
        log.error("%(x)s %(y)r", {"x": 1, "y": Shows()})
        log.error("%(x)s", collections.UserDict(x=5))
        log.error("an empty one %s", {})
        log.error("one %s", (1, 2)), log.error("one %s", None), log.error("%s", Shows()), log.error("%r", [1, {"k": b"x"}])
        log.debug(Shows())
        log.debug(Raises())
        log.log(35, "notice")
        log.log(36, "no name")
        log.log(5, "trace")
        log.info("extra", extra={"a": 1, "b": (1, 2), "c": {"d": Shows()}})
        log.info("empty extra", extra={})
        log.info("extra", extra=None, exc_info=False, stack_info=False, stacklevel=1)
        log.info("bad %d", "x")
        log.info("too few %s %s", 1)
        log.info("surrogate \\udc80", extra={"\\udc80": "\\udc80"})
        log.info("100% sure"), log.info("%%"), log.info("%% %s", 1)
        root.critical("root"), logging.info("module")
        logging.LoggerAdapter(log, {"adapter": 1}).warning("adapted %s", "x")
        log.warn("old"), log.fatal("old")
        log._log(20, "direct", (1,)), log._log(20, "direct %s", ("x",), None, {"e": 1})
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("exception"), log.info("info", exc_info=True), log.info("none of it", exc_info=None)
        log.info("stack", stack_info=True), log.info("level", stacklevel=2)
        with logboom.context(ctx=b"x", a="hidden"):
            log.info("context", extra={"a": 1})
        (lambda: log.info("from a lambda"))()
        exec("log.info('from exec')")
        for bad in ({"message": 1}, {"name": 1}, {"args": 1}, {"asctime": 1}):
            try:
                log.info("no", extra=bad)
            except KeyError as e:
                log.info("refused %s", e)
        for wrong in (dict(nonsense=1), dict(extra=5)):
            try:
                log.info("no", **wrong)
            except TypeError as e:
                log.info("refused")
        sys.version_info >= (3, 12) or log.info("taskName", extra={"taskName": "mine"})  # a key of LogRecord's from then on
        log.info("m" * 100000, extra={"f": 1})
        log.info("many", extra={f"k{i}": i for i in range(400)})

    calls()
    thread = threading.Thread(target=calls, name="another")
    thread.start()
    thread.join()
    process = multiprocessing.get_context("fork").Process(target=calls, name="Child")
    process.start()
    process.join()
    assert logboom.flush(30)
    """


def test_the_same_is_stored(bus, collector, python, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("if True:" + PROGRAM)
    rows = {}
    for way in ("slow", "fast"):
        process = python("import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')", program, way,
                         environment={"LOGBOOM_NAME": way})
        assert process.wait() == 0, process.stderr
        main = bus.count(f"process = '{way}' AND pid = {process.pid}")
        # The child's come by its end or by its spool.
        eventually(lambda: bus.count(f"process = '{way}'") == main + main // 2)
        rows[way] = stored(bus, f"process = '{way}'")

    def told(row):
        attributes = dict(row["attributes"])
        relative = attributes.pop("relative_created", None)
        child = attributes.get("process_name") == "Child"
        assert (relative is not None) == child
        assert abs(row["created"] / 1e9 - collector_time) < 600
        return {k: row[k] for k in ("level", "level_name", "logger", "message", "fields", "thread", "file", "line", "function", "template",
                                    "exception_type", "exception", "stack", "task")} | {"attributes": attributes}

    collector_time = bus.query("SELECT max(created) FROM records")[0][0] / 1e9
    for thread, child in (("MainThread", False), ("another", False), ("MainThread", True)):
        slow, fast = ([told(r) for r in rows[way] if r["thread"] == thread and ("process_name" in r["attributes"]) == child]
                      for way in ("slow", "fast"))
        assert len(slow) > 40
        for one, other in zip(slow, fast):
            assert one == other
        assert len(slow) == len(fast)
    for way in rows:
        times = [r["created"] for r in rows[way] if r["thread"] == "another"]
        assert times == sorted(times)


@pytest.mark.parametrize("seen_by", ["handler", "logger filter", "handler filter", "factory", "makeRecord", "callHandlers", "subclass", "getMessage", "level", "propagate",
                                     "disabled", "no handler", "time", "flags"])
def test_whoever_has_to_see_the_record_sees_it(records, seen_by):
    rows = records("""
        import logging, logboom, sys, time
        what = sys.argv[1]
        seen = []
        handler = logboom.attach()
        log = logging.getLogger("x.y")
        root = logging.getLogger()
        expected = 1
        class Sees(logging.Handler):
            def emit(self, record): seen.append(record)
        def see(record): seen.append(record); return True
        if what == "handler": root.addHandler(Sees())
        elif what == "logger filter": log.addFilter(see)
        elif what == "handler filter": handler.addFilter(see)
        elif what == "factory": logging.setLogRecordFactory(lambda *a, **k: seen.append(1) or logging.LogRecord(*a, **k))
        elif what == "makeRecord":
            stock = logging.Logger.makeRecord
            logging.Logger.makeRecord = lambda *a, **k: seen.append(1) or stock(*a, **k)
        elif what == "callHandlers":
            stock = logging.Logger.callHandlers
            logging.Logger.callHandlers = lambda self, record: seen.append(1) or stock(self, record)
        elif what == "subclass":
            class Own(logging.Logger):
                def handle(self, record): seen.append(1); super().handle(record)
            log = Own("x.y")
            log.parent = root
        elif what == "getMessage":
            stock = logging.LogRecord.getMessage
            logging.LogRecord.getMessage = lambda self: seen.append(1) or stock(self)
        elif what == "level": handler.setLevel("ERROR"); seen.append(1); log.error("stored"); expected = 0
        elif what == "propagate":
            logging.getLogger("x").addHandler(Sees()); logging.getLogger("x").propagate = False
            root.warning("stored"); expected = 0
        elif what == "disabled": seen.append(1); log.disabled = True; root.warning("stored"); expected = 0
        elif what == "no handler":
            root.removeHandler(handler)
            logging.lastResort = Sees()
            log.warning("only the last resort")
            root.addHandler(handler)
        elif what == "time":
            clock, moment = ("time_ns", 1_500_000_000) if sys.version_info >= (3, 13) else ("time", 1.5)
            setattr(time, clock, lambda: seen.append(1) or moment)
        elif what == "flags":
            seen.append(1)
            logging.logThreads = False
        log.warning("stored")
        assert seen, what
        print(1)
        """, seen_by)
    row, = rows
    assert row["message"] == "stored"
    if seen_by == "time":
        assert row["created"] == 1_500_000_000


def test_two_handlers_both_get_it(records):
    rows = records("""
        import logging, logboom
        logboom.attach()
        logging.getLogger("x").addHandler(logboom.Handler(process_name="other"))
        logging.getLogger("x").warning("both")
        print(2)
        """)
    assert {r["process"] for r in rows} == {"other", rows[0]["process"], rows[1]["process"]} and len({r["process"] for r in rows}) == 2


def test_the_original_comes_back(python):
    process = python("""
        import logging, logboom
        stock = logging.Logger._log
        first, second = logboom.attach(), logboom.Handler()
        assert logging.Logger._log is not stock
        logboom.detach()
        assert logging.Logger._log is not stock
        second.close()
        assert logging.Logger._log is stock
        logboom.attach(fast=False)
        assert logging.Logger._log is stock
        logboom.detach()
        mine = logging.Logger._log = lambda self, *a, **k: stock(self, *a, **k)
        logboom.attach()
        assert logging.Logger._log is mine
        logboom.detach()
        assert logging.Logger._log is mine
        """)
    assert process.wait() == 0, process.stderr
