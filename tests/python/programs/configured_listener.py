"""Five processes of a hundred records, and a listener whose handlers a dictionary configures: a console from INFO on, a file with everything, one
of the loggers below foo, one from ERROR on. A program of the logging cookbook's kind with logboom in the place of the queue.

configured_listener.py DIRECTORY
"""

import logging
import logging.config
import multiprocessing
import random
import sys
import threading

import logboom

LEVELS = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
LOGGERS = ["foo", "foo.bar", "foo.bar.baz", "spam", "spam.ham", "spam.ham.eggs"]

WORKER = {
    "version": 1,
    "disable_existing_loggers": True,
    "handlers": {"bus": {"class": "logboom.Handler"}},
    "root": {"handlers": ["bus"], "level": "DEBUG"},
}


def listener(directory):
    def file(name, **more):
        return {"class": "logging.FileHandler", "filename": f"{directory}/{name}", "mode": "w", "formatter": "detailed", **more}

    return {
        "version": 1,
        "disable_existing_loggers": True,
        "formatters": {
            "detailed": {"class": "logging.Formatter", "format": "%(asctime)s %(name)-15s %(levelname)-8s %(processName)-10s %(message)s"},
            "simple": {"class": "logging.Formatter", "format": "%(name)-15s %(levelname)-8s %(processName)-10s %(message)s"},
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "simple", "level": "INFO", "stream": "ext://sys.stdout"},
            "file": file("mplog.log"),
            "foofile": file("mplog-foo.log"),
            "errors": file("mplog-errors.log", level="ERROR"),
        },
        "loggers": {"foo": {"handlers": ["foofile"]}},
        "root": {"handlers": ["console", "file", "errors"], "level": "DEBUG"},
    }


def worker():
    logging.config.dictConfig(WORKER)
    for i in range(100):
        logging.getLogger(random.choice(LOGGERS)).log(random.choice(LEVELS), "Message no. %d", i)


def main(directory):
    context = multiprocessing.get_context("spawn")
    with logboom.Server(f"{directory}/logs.sqlite", port=None, export=True, level="debug") as server:
        logging.config.dictConfig(listener(directory))
        subscriber = server.subscribe(until_idle=5, logger=["foo", "spam"])
        thread = threading.Thread(target=subscriber.to_logging)
        thread.start()
        workers = [context.Process(target=worker, name=f"worker {i + 1}") for i in range(5)]
        for one in workers:
            one.start()
        for one in workers:
            one.join()
        thread.join()
        assert subscriber.failures == 0 and subscriber.missed == 0
        subscriber.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
