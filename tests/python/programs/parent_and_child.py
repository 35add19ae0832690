"""Children log with logbook into the parent's logger, under asyncio: the use of logbook_aiopipe with logboom in the place of the pipe.

parent_and_child.py CHILDREN METHOD
"""

import asyncio
import multiprocessing
import sys
from contextlib import closing

import logbook

import logboom
import logboom.logbook


def child(number):
    log = logbook.Logger("child")
    handler = logboom.logbook.Handler()
    log.handlers.append(handler)
    with closing(handler):
        log.info("hello from child process {}", number)
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("child {n} divides", n=number)


async def main(children, method):
    log = logbook.Logger("parent")
    log.handlers.append(logbook.StreamHandler(sys.stdout, format_string="{record.channel}|{record.level_name}|{record.message}"))
    context = multiprocessing.get_context(method)
    with logboom.Server(port=None, export=True) as server:
        with closing(logboom.logbook.Subscriber(log, endpoint=server.endpoint)) as sub:
            running = asyncio.create_task(sub.run())
            processes = [context.Process(target=child, args=(i,)) for i in range(children)]
            for process in processes:
                process.start()
            log.info("hello from parent process")
            for process in processes:
                await asyncio.to_thread(process.join)
            sub.finish()
            await running  # returns when all that the children have logged was seen
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
