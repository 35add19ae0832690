"""logboom.context: fields that every record has for a while."""

from __future__ import annotations

import contextvars
import functools
import inspect
from typing import Any, Callable, Optional, Tuple, TypeVar

from . import _core

_Function = TypeVar("_Function", bound=Callable[..., Any])

# What C++ reads with each record: (the fields encoded, the fields, the value outside), or None.
_State = Optional[Tuple[Any, dict, Any]]
_state: contextvars.ContextVar[_State] = contextvars.ContextVar("logboom.context", default=None)
_core.set_context_variable(_state)


class context:
    """Adds its fields to every record made within it: ``with logboom.context(request=7): …``

    Follows contextvars: each thread and each asyncio task has its own, and a task begins with those of who made it. Contexts nest; an inner field hides an outer one of the
    same name, and ``extra`` of the log call hides both. Also a decorator, of functions and of coroutine functions. The values are encoded when the context is entered.
    """

    __slots__ = ("_fields",)

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __enter__(self) -> context:
        outer = _state.get()
        fields = {**outer[1], **self._fields} if outer is not None else self._fields
        _state.set((_core.encode_context(fields), fields, outer))
        return self

    def __exit__(self, *exception: object) -> None:
        inner = _state.get()
        if inner is not None:
            _state.set(inner[2])

    def __call__(self, function: _Function) -> _Function:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

        else:

            @functools.wraps(function)
            def call(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return function(*args, **kwargs)

        return call  # type: ignore[return-value]
