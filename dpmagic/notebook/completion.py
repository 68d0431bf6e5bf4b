"""Completion in IPython: finds the text of ours that the cursor is in, and offers what there is to type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from dpmagic.session import Session

if TYPE_CHECKING:
    from dpmagic.completion import Live
    from dpmagic.live_names import LiveNames

_CELL = re.compile(r"\s*%%(dataprotection|resourcegraph)(?=\s)")
_LINE = re.compile(r"\s*(?:[^#]*?=\s*)?%(dataprotection|resourcegraph)(?=\s)")


def text_before_cursor(full_text: str, cursor_line: int, cursor_position: int) -> tuple[str, str] | None:
    """The magic that the cursor is in, and what it would read up to the cursor; None where it is in none of ours.

    Lines and positions count from 0.

    >>> text_before_cursor("x = 1\\ndf = %dataprotection job li", 1, 27)
    ('dataprotection', ' job li')
    """
    lines = full_text.split("\n")[: cursor_line + 1]
    lines[-1] = lines[-1][:cursor_position]
    text = "\n".join(lines)
    if cell := _CELL.match(text):
        return cell[1], text[cell.end() :]
    first = len(lines) - 1
    while first and lines[first - 1].endswith("\\"):
        first -= 1
    text = "\n".join(lines[first:])
    line = _LINE.match(text)
    return (line[1], text[line.end() :]) if line else None


def matcher_of(shell: InteractiveShell, session: Session) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """A matcher for ``shell.Completer.custom_matchers``."""

    @cache
    def live() -> LiveNames:
        from dpmagic.live_names import LiveNames

        return LiveNames(session)

    @context_matcher(identifier="dataprotection")  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        here = text_before_cursor(context.full_text, context.cursor_line, context.cursor_position)
        if here is None:
            return {"completions": []}
        magic, text = here
        names = {name: value for name, value in shell.user_ns.items() if name not in shell.user_ns_hidden}
        fragment, found = _OFFERS[magic](text, names, live().tab())
        # Never empty: IPython asks its other matchers, Python names and all, when there is nothing to suppress them.
        offered = found or [SimpleCompletion(fragment)]
        return {"completions": offered, "matched_fragment": fragment, "suppress": True, "ordered": True}

    matcher: Callable[[CompletionContext], SimpleMatcherResult] = match
    return matcher


Offered = tuple[str, list[SimpleCompletion]]


def _commands(text: str, names: Mapping[str, Any], live: Live) -> Offered:
    # The command table costs some milliseconds to build: not at %load_ext, but here.
    from dpmagic.completion import candidates

    fragment, found = candidates(text, names, live)
    return fragment, [SimpleCompletion(one.text, type=one.type) for one in found]


def _query(text: str, names: Mapping[str, Any], live: Live) -> Offered:
    from dpmagic.graph.completion import candidates
    from dpmagic.notebook.resourcegraph import option_at, query_of

    option = option_at(text)
    if option is not None:
        fragment, words = option.typed, option.choices
        if option.name == "--scope":
            from dpmagic.live_names import Question

            words = [f'"{one.text}"' if " " in one.text else one.text for one in live(Question("subscription"))]
        fitting = [word for word in words if word.lower().startswith(fragment.lower())]
        return fragment, [SimpleCompletion(word, type="value") for word in fitting]
    fragment, found = candidates(query_of(text).lstrip(), names)
    return fragment, [SimpleCompletion(one.text, type=one.type) for one in found]


_OFFERS: dict[str, Callable[[str, Mapping[str, Any], Live], Offered]] = {
    "dataprotection": _commands,
    "resourcegraph": _query,
}
