import logging
import os
from typing import Any, Dict, Iterable, Optional, Union

from ._subscriber import Subscriber

_Path = Union[str, "os.PathLike[str]"]

class Server:
    sqlite_filepath: Optional[str]
    host: str
    def __init__(
        self,
        sqlite_filepath: Optional[_Path] = ...,
        host: str = ...,
        port: Optional[int] = ...,
        *,
        udp_port: Optional[int] = ...,
        unix: Optional[_Path] = ...,
        unix_datagram: Optional[_Path] = ...,
        endpoint: Optional[str] = ...,
        export: bool = ...,
        level: Optional[str] = ...,
        adopt: Union[None, bool, Iterable[_Path]] = ...,
        insecure: bool = ...,
    ) -> None: ...
    def start(self) -> Server: ...
    def stop(self) -> None: ...
    def __enter__(self) -> Server: ...
    def __exit__(self, *exc: object) -> None: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def port(self) -> Optional[int]: ...
    @property
    def udp_port(self) -> Optional[int]: ...
    @property
    def environment(self) -> Dict[str, str]: ...
    def status(self) -> Dict[str, int]: ...
    def subscribe(self, **filters: Any) -> Subscriber: ...

def leads_back(handler: logging.Handler) -> bool: ...
