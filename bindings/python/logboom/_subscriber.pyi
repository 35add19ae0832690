import datetime
import os
from typing import Any, AsyncIterator, Iterable, Iterator, Mapping, Optional, Union

from ._records import Record

_Texts = Union[None, str, Iterable[str]]
_Time = Union[None, str, int, float, datetime.datetime, datetime.date, datetime.timedelta]
_Path = Union[str, "os.PathLike[str]"]

class Subscriber:
    def __init__(
        self,
        *,
        level: Union[None, int, str] = ...,
        logger: _Texts = ...,
        host: _Texts = ...,
        process: _Texts = ...,
        pid: Union[None, int, Iterable[int]] = ...,
        grep: Optional[str] = ...,
        where: Union[None, str, Iterable[str], Mapping[str, Any]] = ...,
        since: _Time = ...,
        until: _Time = ...,
        last: Optional[int] = ...,
        until_idle: Union[bool, int] = ...,
        endpoint: Optional[str] = ...,
        database: Optional[_Path] = ...,
        refetch: bool = ...,
        wait: Optional[float] = ...,
        curve_server_key: Optional[str] = ...,
        curve_secret: Optional[_Path] = ...,
    ) -> None: ...
    def __enter__(self) -> Subscriber: ...
    def __exit__(self, *exc: object) -> None: ...
    def __iter__(self) -> Iterator[Record]: ...
    def __next__(self) -> Record: ...
    def __aiter__(self) -> AsyncIterator[Record]: ...
    def next(self, timeout: Optional[float] = ...) -> Optional[Record]: ...
    def wait_until_live(self, timeout: Optional[float] = ...) -> bool: ...
    def to_logging(self, *, own: bool = ...) -> int: ...
    async def to_logging_async(self, *, own: bool = ...) -> int: ...
    @property
    def failures(self) -> int: ...
    @property
    def missed(self) -> int: ...
    @property
    def ended(self) -> bool: ...
    def finish(self) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...

def query(
    database: _Path,
    *,
    level: Union[None, int, str] = ...,
    logger: _Texts = ...,
    host: _Texts = ...,
    process: _Texts = ...,
    pid: Union[None, int, Iterable[int]] = ...,
    grep: Optional[str] = ...,
    where: Union[None, str, Iterable[str], Mapping[str, Any]] = ...,
    since: _Time = ...,
    until: _Time = ...,
    last: Optional[int] = ...,
    text: Optional[str] = ...,
) -> Iterator[Record]: ...
