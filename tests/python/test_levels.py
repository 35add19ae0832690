"""Python's loggers follow level rules: LOGBOOM_LEVEL, attach(levels=…), and those of a collector."""

from conftest import eventually


def test_rules_of_the_environment(records):
    rows = records("""
        import logging, logboom
        logboom.attach()
        assert logging.getLogger().level == logging.INFO
        for name in ("x", "etl", "etl.db", "net", "net.http"):
            log = logging.getLogger(name)
            log.debug("debug %s", name)
            log.info("info %s", name)
            log.critical("critical %s", name)
        logboom.detach()
        assert logging.getLogger().level == logging.WARNING and logging.getLogger("etl.db").level == 0
        assert logging.getLogger("net").level == 0 and logging.getLogger("net").getEffectiveLevel() == logging.WARNING
        print(3 * 2 + 1)
        """, environment={"LOGBOOM_LEVEL": "info,etl.db=debug,net=off"})
    assert [r["message"] for r in rows] == [
        "info x", "critical x", "info etl", "critical etl", "debug etl.db", "info etl.db", "critical etl.db"]


def test_rules_that_cannot_be_read_are_said_and_ignored(bus, records):
    row, = records("""
        import logging, logboom
        logboom.attach()
        assert logging.getLogger().level == logging.WARNING
        logging.warning("here")
        print(1)
        """, environment={"LOGBOOM_LEVEL": "loud"})
    assert row["message"] == "here"
    assert bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.publisher' AND message LIKE '%LOGBOOM_LEVEL%'") == [(1,)]


def test_rules_hold_against_a_configuration_made_after_the_handler(records):
    rows = records("""
        import logging.config
        logging.config.dictConfig({"version": 1, "handlers": {"bus": {"class": "logboom.Handler"}}, "root": {"level": "ERROR", "handlers": ["bus"]},
                                   "loggers": {"a": {"level": "CRITICAL"}}})
        logging.error("the first record")
        logging.getLogger("a").debug("debug")
        logging.getLogger("b").debug("debug")
        logging.getLogger("b").info("info")
        print(3)
        """, environment={"LOGBOOM_LEVEL": "info,a=debug"})
    assert [r["logger"] for r in rows] == ["root", "a", "b"]


def test_what_the_program_sets_in_the_meantime_stays(python):
    process = python("""
        import logging, logboom
        logging.getLogger("a").setLevel(25)
        logging.getLogger("b").setLevel(25)
        logboom.attach(levels="a=debug,b=debug,c=error")
        assert [logging.getLogger(n).level for n in "abc"] == [10, 10, 40]
        logging.getLogger("b").setLevel(33)
        logboom.detach()
        assert [logging.getLogger(n).level for n in "abc"] == [25, 33, 0]
        """)
    assert process.wait() == 0, process.stderr


def test_a_disabled_call_makes_nothing(python):
    process = python("""
        import logging, logboom
        class Never:
            def __str__(self): raise SystemExit("made")
            __repr__ = __str__
        made = []
        logging.setLogRecordFactory(lambda *a, **k: made.append(1) or logging.LogRecord(*a, **k))
        handler = logboom.attach(levels="off")
        for _ in range(1000): logging.critical("%s", Never(), extra={"x": Never()})
        assert not made and handler.statistics["logged"] == 0
        """)
    assert process.wait() == 0, process.stderr


WORKER = """
    import logging, sys, time
    import logboom
    logboom.attach()
    log = logging.getLogger("app.part")
    print("ready", flush=True)
    while True:
        log.debug("debug")
        time.sleep(0.002)
    """


def test_rules_of_a_collector_reach_a_running_worker(bus, start_collector, python):
    worker = python(WORKER)
    worker.wait_line("ready", lines=worker.output)
    first = start_collector("--level", "app=debug")
    # The worker logs nothing until the rule comes: it does not come with a record.
    eventually(lambda: bus.count("logger = 'app.part' AND level = 10") > 5)
    assert first.stop() == 0
    quiet = start_collector()
    eventually(lambda: bus.query("SELECT count(*) FROM records WHERE logger = 'logboom.collector' AND message LIKE '%joined%'")[0][0] >= 2)

    def stopped():
        before = bus.count()
        import time
        time.sleep(0.2)
        return bus.count() == before

    eventually(stopped, what="the end of the debug records")
    assert quiet.running() and worker.running()


def test_rules_reach_a_worker_whose_main_thread_waits(bus, start_collector, python):
    start_collector("--level", "app=debug")
    worker = python("""
        import logging, threading, time
        import logboom
        logboom.attach()
        def work():
            while True:
                logging.getLogger("app").debug("debug")
                time.sleep(0.002)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join()
        """)
    eventually(lambda: bus.count("level = 10") > 5)
    assert worker.running()


def test_rules_set_on_the_fly_reach_a_running_worker_and_end(bus, start_collector, python, run):
    """`logboom level`: set, over a restart of the collector, for a time, taken back."""
    first = start_collector()
    worker = python("""
        import logging, time
        import logboom
        logboom.attach()
        log = logging.getLogger("app.part")
        print("ready", flush=True)
        while True:
            log.debug("debug")
            log.warning("warning")
            time.sleep(0.002)
        """)
    worker.wait_line("ready", lines=worker.output)

    def flows():
        begin = bus.count("level = 10")
        eventually(lambda: bus.count("level = 10") > begin + 3, what="more debug records")

    def stops():
        def quiet():
            debug, others = bus.count("level = 10"), bus.count("level = 30")
            eventually(lambda: bus.count("level = 30") >= others + 20, what="warnings")
            return bus.count("level = 10") == debug

        eventually(quiet, what="the end of the debug records")

    stops()
    assert run("level", "app=debug", "--process", "python*").returncode == 0
    flows()
    first.kill()
    second = start_collector()
    flows()
    assert run("level", "--reset").returncode == 0
    stops()
    assert run("level", "app=debug", "--for", "2s").returncode == 0
    flows()
    stops()
    assert second.running() and worker.running()
