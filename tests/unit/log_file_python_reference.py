# Rotates with Python's own handlers, for log_file_schedule_test.cpp and log_file_test.cpp. Must know nothing of logboom.
#
# Each line of the file named by the argument is a Python tuple.
#   ("time", zone, when, interval, at (seconds of the day or None), utc, mtime, late): a TimedRotatingFileHandler on a file of this mtime, which rolls over `late` seconds after its moment.
#     Answers: the first rollover, the rotated file's name, the second rollover, and whether the local clock was changed anywhere from a period before to the second rollover.
#   ("size", max_bytes, backup_count, [lengths of messages]): a RotatingFileHandler. Answers the sizes of its files, the current one first.
import datetime
import logging
import logging.handlers
import os
import sys
import tempfile
import time

clock = time.time


def timed(directory, zone, when, interval, at, utc, mtime, late):
    os.environ["TZ"] = zone
    time.tzset()
    path = os.path.join(directory, "app.log")
    with open(path, "w") as file:
        file.write("x\n")
    os.utime(path, (mtime, mtime))
    at_time = None if at is None else datetime.time(at // 3600, at // 60 % 60, at % 60)
    handler = logging.handlers.TimedRotatingFileHandler(path, when, interval, delay=True, utc=utc, atTime=at_time)
    first = handler.rolloverAt
    time.time = lambda: first + late
    handler.doRollover()
    time.time = clock
    second = handler.rolloverAt
    (rotated,) = (name for name in os.listdir(directory) if name != "app.log")
    os.unlink(os.path.join(directory, rotated))
    moments = range(first - 2 * handler.interval - 86400, second + 86400, 3600) if not utc else []
    offsets = {time.localtime(moment).tm_gmtoff for moment in (moments if len(moments) < 5000 else moments[:: len(moments) // 5000])}
    return f"{first} {rotated.removeprefix('app.log.')} {second} {int(len(offsets) > 1)}"


def sized(directory, max_bytes, backup_count, lengths):
    path = os.path.join(directory, "app.log")
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=max_bytes, backupCount=backup_count)
    for length in lengths:
        handler.emit(logging.makeLogRecord({"msg": "x" * length}))
    handler.close()
    names = [path] + [f"{path}.{n}" for n in range(1, backup_count + 1)]
    sizes = [os.path.getsize(name) for name in names if os.path.exists(name)]
    for name in os.listdir(directory):
        os.unlink(os.path.join(directory, name))
    return " ".join(map(str, sizes))


with open(sys.argv[1], encoding="utf-8") as cases, tempfile.TemporaryDirectory() as directory:
    for line in cases:
        kind, *arguments = eval(line, {"__builtins__": {}})
        print({"time": timed, "size": sized}[kind](directory, *arguments))
