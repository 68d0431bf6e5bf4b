"""A list to its last page.  ``az`` and PowerShell stop early in places; here a list is whole or an error."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from dpmagic.arm.requests import Answer, Request, send
from dpmagic.connection import Connection
from dpmagic.errors import IncompleteAnswer


def pages(connection: Connection, request: Request) -> Iterator[Answer]:
    """Each page, following ``nextLink`` as the service gives it.

    Raises `IncompleteAnswer` when a link comes a second time: the pages would never end.
    """
    seen: set[str] = set()
    while True:
        answer = send(connection, request)
        yield answer
        following = next_page(request, answer, connection.cloud.endpoint, seen)
        if following is None:
            return
        request = following


def next_page(request: Request, answer: Answer, endpoint: str, seen: set[str]) -> Request | None:
    """The request for the page after this answer, None after the last; ``seen`` are the links that were followed.

    Raises `IncompleteAnswer` when a link comes a second time.
    """
    link = answer.json.get("nextLink") if isinstance(answer.json, dict) else None
    if not link:
        return None
    if link in seen:
        raise IncompleteAnswer(
            "the service gave the same next page twice", "run it again; if it stays, tell Azure support"
        )
    seen.add(link)
    # The next page of a list that was asked for by POST is a GET, as in the SDK.
    return replace(request, method="GET", path=urljoin(endpoint, link), body=None, query={}, api_version="")


def every_page(connection: Connection, request: Request) -> Answer:
    """All pages as one answer: ``{"value": [...]}``; an answer that is not a list stays as it is."""
    first: Answer | None = None
    items: list[Any] = []
    with uncollected():
        for answer in pages(connection, request):
            page = answer.json.get("value") if isinstance(answer.json, dict) else None
            if first is None and not isinstance(page, list):
                return answer
            first = first or answer
            items += page or []
    assert first is not None
    return replace(first, json={"value": items})


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection in the block: decoded pages are all kept, and looking through them again and again for
    garbage takes as long as decoding them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
