# What Python's own unpickler makes of frames of socket handlers, written down as docs/inputs.md and docs/protocol.md say it is stored.
# Must know nothing of logboom's code.
#
# Arguments: directories with frames (*.bin, 4 bytes of length before the pickle). Prints a JSON object a line: {"name", "pickle" (hex), "record"}. Frames of the directories come first,
# then pickles of this interpreter in every protocol.
import collections
import datetime
import decimal
import enum
import io
import json
import logging
import logging.handlers
import math
import os.path
import pathlib
import pickle
import sys
import uuid

KNOWN = {
    ("_codecs", "encode"), ("datetime", "datetime"), ("datetime", "date"), ("datetime", "time"), ("datetime", "timedelta"),
    ("datetime", "timezone"), ("decimal", "Decimal"), ("collections", "OrderedDict"), ("collections", "deque"),
    ("collections", "defaultdict"), ("pathlib", "PurePosixPath"), ("pathlib", "PosixPath"), ("pathlib", "PureWindowsPath"),
}
BUILTINS = {"set", "frozenset", "complex", "bytes", "list", "tuple", "dict"}
DEEPEST = 16


class Name:
    """A name in the sender's program; what calling it would have made is an Inert."""

    def __init__(self, module, name):
        self.path = f"{module}.{name}"

    def __call__(self, *args, **named):
        return Inert(self.path, list(args), named or None)


class Inert:
    def __init__(self, path, args, entries=None):
        self.path, self.args, self.entries, self.items, self.state = path, args, entries, None, None

    def __setstate__(self, state):
        self.state = state

    def append(self, item):
        self.items = (self.items or []) + [item]

    def extend(self, items):
        self.items = (self.items or []) + list(items)

    def __setitem__(self, key, value):
        self.entries = self.entries or {}
        self.entries[key] = value


class NewObject(Inert):
    """NEWOBJ wants a class: made anew for each name."""


def reconstructor(name, base, value):
    return Inert(name.path, [] if getattr(base, "path", None) == "builtins.object" else [value])


def newobj(name, *args):
    return Inert(name.path, list(args))


class Unpickler(pickle._Unpickler):  # in Python: its NEWOBJ and REDUCE call whatever find_class gave
    dispatch = dict(pickle._Unpickler.dispatch)

    def find_class(self, module, name):
        module = {"__builtin__": "builtins", "exceptions": "builtins", "copy_reg": "copyreg"}.get(module, module)
        if (module, name) == ("copyreg", "_reconstructor"):
            return reconstructor
        if (module, name) == ("copyreg", "__newobj__"):
            return newobj
        if (module, name) == ("builtins", "bytearray"):
            return lambda *args: bytearray(*(old_text(a) if i and isinstance(a, bytes) else a for i, a in enumerate(args)))
        if module == "decimal" and name == "Decimal":
            return lambda value: decimal.Decimal(old_text(value) if isinstance(value, bytes) else value)
        if module == "builtins" and name in BUILTINS or (module, name) in KNOWN:
            return getattr(__import__(module, fromlist=[name]), name)
        return Name(module, name)

    def load_newobj(self):
        args = self.stack.pop()
        cls = self.stack.pop()
        self.append(cls(*args) if isinstance(cls, Name) else cls.__new__(cls, *args))

    def load_newobj_ex(self):
        named = self.stack.pop()
        args = self.stack.pop()
        self.append(self.stack.pop()(*args, **named))

    def load_reduce(self):
        args = self.stack.pop()
        func = self.stack[-1]
        self.stack[-1] = func(*args)

    def load_obj(self):
        args = self.pop_mark()
        self.append(args[0](*args[1:]))

    def load_inst(self):
        module, name = self.readline()[:-1].decode(), self.readline()[:-1].decode()
        self.append(self.find_class(module, name)(*self.pop_mark()))

    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.OBJ[0]] = load_obj
    dispatch[pickle.INST[0]] = load_inst


def clean(text):
    return "".join(f"\\u{ord(c):04x}" if 0xD800 <= ord(c) < 0xE000 else "\\x00" if c == "\0" else c for c in text)


def old_text(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def bytes_text(data):
    return "".join("\\\\" if b == 0x5C else chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in data)


class Encoder:
    def __init__(self, old):
        self.old = old  # the sender was Python 2: bytes are its texts
        self.types = {}
        self.open = set()

    def is_text(self, value):
        return isinstance(value, str) or self.old and type(value) is bytes

    def text(self, value):
        return clean(value if isinstance(value, str) else old_text(value))

    def of(self, value, path, depth=0):
        def typed(name, stored):
            self.types[path] = name
            return stored

        if value is None or value is True or value is False:
            return value
        if isinstance(value, int):
            if -2**63 <= value < 2**64:
                return value
            if abs(value) >= 10**4300:
                return f"<int of {value.bit_length()} bits>"
            return typed("int", str(value))
        if isinstance(value, float):
            return value if math.isfinite(value) else typed("float", str(value))
        if self.is_text(value):
            return self.text(value)
        if isinstance(value, (bytes, bytearray)):
            return typed(type(value).__name__, bytes_text(value))
        if isinstance(value, datetime.datetime):
            return typed("datetime", value.isoformat())
        if isinstance(value, (datetime.date, datetime.time)):
            return typed(type(value).__name__, value.isoformat())
        if isinstance(value, (datetime.timedelta, decimal.Decimal, complex)):
            return typed(type(value).__name__, str(value))
        if isinstance(value, pathlib.PurePath):
            return typed("Path", str(value))
        if isinstance(value, Name):
            return typed(f"object:{value.path}", {"__class__": value.path, "args": None, "state": None})
        if id(value) in self.open:
            return "[...]"
        if depth >= DEEPEST:
            return "…"
        self.open.add(id(value))
        try:
            return self.container(value, path, depth)
        finally:
            self.open.discard(id(value))

    def container(self, value, path, depth):
        if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
            if type(value) is not list:
                self.types[path] = type(value).__name__
            return [self.of(item, f"{path}/{i}", depth + 1) for i, item in enumerate(value)]
        if isinstance(value, dict):
            return self.dictionary(value, path, depth)
        return self.inert(value, path, depth)

    def dictionary(self, value, path, depth):
        if not all(self.is_text(key) for key in value):
            self.types[path] = "dict"
            return [["…" if depth + 2 > DEEPEST else self.of(key, f"{path}/{i}/0", depth + 2), self.of(item, f"{path}/{i}/1", depth + 2)]
                    for i, (key, item) in enumerate(value.items())]
        if type(value) is not dict:
            self.types[path] = type(value).__name__
        return {self.text(key): self.of(item, path + "/" + self.text(key).replace("~", "~0").replace("/", "~1"), depth + 1)
                for key, item in value.items()}

    def inert(self, value, path, depth):
        state = {self.text(k): v for k, v in value.state.items()} if isinstance(value.state, dict) else value.state
        if value.path == "uuid.UUID":
            self.types[path] = "UUID"
            return str(uuid.UUID(int=state["int"]))
        module, _, name = value.path.rpartition(".")
        if value.path == "builtins.getattr" and isinstance(value.args[0], Name) and self.is_text(value.args[1]):
            self.types[path] = f"enum:{value.args[0].path}"  # a member by its name
            return self.text(value.args[1])
        plain = value.state is None and value.items is None and value.entries is None and len(value.args) == 1
        if plain and module != "builtins" and name[:1].isupper() and not name.endswith(("Error", "Exception")):
            if type(value.args[0]) is int or self.is_text(value.args[0]):
                self.types[path] = f"enum:{value.path}"
                return self.of(value.args[0], None, depth)
        self.types[path] = f"object:{value.path}"
        stored = {"__class__": value.path,
                  "args": [self.of(item, f"{path}/args/{i}", depth + 2) for i, item in enumerate(value.args)],
                  "state": self.of(value.state, f"{path}/state", depth + 1)}
        if value.items is not None:
            stored["items"] = self.of(value.items, f"{path}/items", depth + 1)
        if value.entries is not None:
            stored["entries"] = self.of(value.entries, f"{path}/entries", depth + 1)
        return stored


OWN = {"name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text", "stack_info", "lineno", "funcName",
       "created", "msecs", "relativeCreated", "thread", "threadName", "processName", "process", "taskName", "message"}


def expected(data):
    """The record as it is stored: what LogRecord's attributes become, then the fields, with their types."""
    unpickler = Unpickler(io.BytesIO(data), encoding="bytes")
    old = not any(opcode in data for opcode in (b"X\x04\x00\x00\x00name", b"\x8c\x04name", b"Vname\n"))
    record = unpickler.load()
    record = {old_text(k) if isinstance(k, bytes) else k: v for k, v in record.items()}
    encoder = Encoder(old)
    text = lambda key: encoder.text(record.get(key) or "")  # noqa: E731
    fields = {clean(key): encoder.of(value, "/fields/" + clean(key).replace("~", "~0").replace("/", "~1"))
              for key, value in record.items() if key not in OWN}
    attributes = {"relative_created": record["relativeCreated"]}
    if text("processName") != "MainProcess":
        attributes["process_name"] = text("processName")
    encoder.types.pop(None, None)
    args = record["args"]
    if args:
        attributes["arguments"] = encoder.of(args if isinstance(args, dict) else tuple(args), "/arguments")
        encoder.types.pop("/arguments", None) if isinstance(args, dict) else None
    if encoder.types:
        attributes["types"] = encoder.types
    message = record["msg"] % args if args else record["msg"]
    return {
        "logger": text("name"), "message": encoder.text(message), "level": record["levelno"], "level_name": text("levelname"),
        "file": text("pathname"), "line": record["lineno"], "function": text("funcName"), "pid": record["process"], "tid": record["thread"],
        "thread": text("threadName"), "time": round(record["created"] * 1e6) * 1000, "exception": text("exc_text"), "stack": text("stack_info"),
        "task": text("taskName"), "exception_type": text("exc_text").splitlines()[-1].partition(":")[0] if record["exc_text"] else "",
        "template": encoder.text(record["msg"]) if args else "", "fields": fields, "attributes": attributes,
    }


class Colour(enum.Enum):
    RED = 1
    NAMED = "named"


class Point:
    def __init__(self, x):
        self.x = x


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, "two"


class Words(list):
    pass


class Table(dict):
    pass


Pair = collections.namedtuple("Pair", "left right")


def values():
    cycle = [1]
    cycle.append(cycle)
    knot = {}
    knot["self"] = knot
    shared = [1, 2, (3, "four")]
    deep = 1
    for _ in range(40):
        deep = [deep]
    point = Point([1, {"y": 2.5}])
    yield from enumerate([
        None, True, False, 0, -1, 255, 256, 65536, 2**31, -2**31 - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -2**63, -2**63 - 1, 10**4299, 10**4300,
        2**20000, -(2**300), 1.5, -0.0, 1e300, math.inf, -math.inf, math.nan, "", "text", "ünï ✓ 𝄞", "nul\0in", "lone \udc80 \ud800", "a" * 70000,
        b"", b"bytes\\ \xff\0\n", b"x" * 300, bytearray(b"\x01ab"), bytearray(), [], [1, [2, []]], (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {"a": 1, "b": {"c": [None]}},
        {1: "one", "two": 2, (3, 4): None}, set(), {1}, frozenset({"f"}), list(range(1500)), {str(i): i for i in range(1100)},
        collections.deque([1, 2]), collections.deque([1], maxlen=3), collections.OrderedDict(a=1, b=[2]), collections.defaultdict(int, k=5),
        datetime.datetime(2026, 11, 21, 1, 2, 3), datetime.datetime(2026, 11, 21, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
        datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))),
        datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(seconds=3661, microseconds=5), "odd")), datetime.datetime(2026, 1, 2, fold=1),
        datetime.date(1999, 12, 31), datetime.time(23, 59, 59, 999999), datetime.time(1, 2), datetime.timedelta(days=-1, seconds=5), datetime.timedelta(days=3, microseconds=7),
        datetime.timedelta(0), decimal.Decimal("1.50"), decimal.Decimal("-Infinity"), complex(0, 1), complex(1.5, -2), complex(-0.0, math.inf), uuid.UUID(int=5), uuid.UUID(int=2**127 + 1),
        pathlib.PurePosixPath("/a/b.c"), pathlib.PurePosixPath("rel/x"), pathlib.PurePosixPath("."), pathlib.PureWindowsPath("C:\\a\\b"), Colour.RED, Colour.NAMED,
        point, Words([1, "w"]), Table(k="v"), Pair(1, "r"), ValueError("bad", 3), int, print, NotImplemented, Ellipsis, range(1, 9, 2),
        cycle, knot, [shared, shared], deep, {"a/b": (1,), "c~d": {"/": {2}}}, [point, point]])
    yield "slots", Slotted()


def frames():
    logger = logging.Logger("app.net")
    for name, value in values():
        record = logger.makeRecord("app.net", 30, "/srv/app/main.py", 7, "hello", (), None, "go", {"x": value, "after": 1})
        state = dict(record.__dict__, args=None)
        for protocol in range(6):
            if protocol < 2 and name == "slots":
                continue
            yield f"{name} in protocol {protocol}", pickle.dumps(state, protocol)
    # whoever pickles the record as it is
    for args in ((5, "seven", b"\xff"), ({"n": 5, "s": "x"},), ("%", 1.5)):
        template = "%(n)d of %(s)s" if len(args) == 1 else "%s and %.2f" if len(args) == 2 else "%d of %-8s|"
        args = args[:2] if len(args) == 3 else args
        record = logger.makeRecord("app.net", 30, "/srv/app/main.py", 7, template, args, None)
        yield f"arguments {args}", pickle.dumps(record.__dict__, 4)


def main(directories):
    for directory in directories:
        for path in sorted(pathlib.Path(directory).rglob("*.bin")):
            frame = path.read_bytes()
            yield f"{path.parent.name}/{path.stem}", frame[4:]
    yield from frames()


sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
for case, data in main(sys.argv[1:]):
    print(json.dumps({"name": case, "pickle": data.hex(), "record": expected(data)}))
