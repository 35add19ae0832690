"""Ten processes, one rotating file: a program of the logging cookbook's kind with logboom in the place of the queue.

one_file.py DIRECTORY METHOD     METHOD: fork, spawn, forkserver
"""

import logging
import logging.handlers
import multiprocessing
import random
import sys
import threading

import logboom

LEVELS = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
LOGGERS = ["a.b.c", "d.e.f"]
MESSAGES = ["Random message #1", "Random message #2", "Random message #3"]


def worker():
    logboom.attach()
    logging.getLogger().setLevel(logging.DEBUG)
    for _ in range(10):
        logger = logging.getLogger(random.choice(LOGGERS))
        logger.log(random.choice(LEVELS), random.choice(MESSAGES))


def main(directory, method):
    context = multiprocessing.get_context(method)
    with logboom.Server(f"{directory}/logs.sqlite", port=None, export=True, level="debug") as server:
        subscriber = server.subscribe(until_idle=10, logger=["a", "d"])
        listener = threading.Thread(target=subscriber.to_logging)
        workers = [context.Process(target=worker, name=f"worker-{i}") for i in range(10)]
        for one in workers:
            one.start()
        # Now, so that forked workers do not have this handler as well.
        root = logging.getLogger()
        handler = logging.handlers.RotatingFileHandler(f"{directory}/mptest.log", "a", 2000, 20)
        handler.setFormatter(logging.Formatter("%(asctime)s %(processName)-10s %(name)s %(levelname)-8s %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        listener.start()
        for one in workers:
            one.join()
        listener.join()
        subscriber.close()
    assert [one.exitcode for one in workers] == [0] * 10
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
