"""Handlers that stream updates to the page."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any


def said_again(handler: Callable[..., AsyncIterator[list]]) -> Callable[..., AsyncIterator[list]]:
    """A streaming handler whose every update says again what it said before and has not changed since.

    Gradio sends what differs from the update before, and the browser works that into the very object that it may not have
    looked at yet. So one that lags behind, as at the start of the page, never sees what is said once and then left out:
    a picture does not appear. What is said again costs nothing on the way, for it does not differ.

    An update that says nothing at all ends that: nothing of what was said before is said again after it.

    Only for components that the visitor cannot change in the meantime.
    """

    @functools.wraps(handler)
    async def stream(*arguments: Any, **named: Any) -> AsyncIterator[list]:
        said: list = []
        async with aclosing(handler(*arguments, **named)) as updates:
            async for update in updates:
                nothing = all(_says_nothing(one) for one in update)
                said = update if nothing else [_merged(*both) for both in zip(said or update, update, strict=True)]
                # a copy: Gradio takes the value out of an update to make it ready
                yield [dict(one) if isinstance(one, dict) else one for one in said]

    return stream


def _merged(old: Any, new: Any) -> Any:
    if _says_nothing(new):
        return old
    return {**old, **new} if _is_update(old) and _is_update(new) else new


def _is_update(said: Any) -> bool:
    return isinstance(said, dict) and said.get("__type__") == "update"


def _says_nothing(said: Any) -> bool:
    return _is_update(said) and len(said) == 1
