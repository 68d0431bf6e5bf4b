"""Completion in IPython: finds the text of ours that the cursor is in, and offers what `dpmagic.completion` has."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from dpmagic.session import Session

if TYPE_CHECKING:
    from dpmagic.live_names import LiveNames

_CELL = re.compile(r"\s*%%dataprotection(?=\s)")
_LINE = re.compile(r"\s*(?:[^#]*?=\s*)?%dataprotection(?=\s)")


def text_before_cursor(full_text: str, cursor_line: int, cursor_position: int) -> str | None:
    """What the magic of a cell or line would read up to the cursor; None where the cursor is in no magic of ours.

    Lines and positions count from 0.

    >>> text_before_cursor("x = 1\\ndf = %dataprotection job li", 1, 27)
    ' job li'
    """
    lines = full_text.split("\n")[: cursor_line + 1]
    lines[-1] = lines[-1][:cursor_position]
    text = "\n".join(lines)
    if cell := _CELL.match(text):
        return text[cell.end() :]
    first = len(lines) - 1
    while first and lines[first - 1].endswith("\\"):
        first -= 1
    text = "\n".join(lines[first:])
    line = _LINE.match(text)
    return text[line.end() :] if line else None


def matcher_of(shell: InteractiveShell, session: Session) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """A matcher for ``shell.Completer.custom_matchers``."""

    @cache
    def live() -> LiveNames:
        from dpmagic.live_names import LiveNames

        return LiveNames(session)

    @context_matcher(identifier="dataprotection")  # type: ignore[untyped-decorator]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        text = text_before_cursor(context.full_text, context.cursor_line, context.cursor_position)
        if text is None:
            return {"completions": []}
        names_now = live().tab()
        # The command table costs some milliseconds to build: not at %load_ext, but here.
        from dpmagic.completion import candidates

        names = {name: value for name, value in shell.user_ns.items() if name not in shell.user_ns_hidden}
        fragment, found = candidates(text, names, names_now)
        # Never empty: IPython asks its other matchers, Python names and all, when there is nothing to suppress them.
        offered = [SimpleCompletion(one.text, type=one.type) for one in found] or [SimpleCompletion(fragment)]
        return {"completions": offered, "matched_fragment": fragment, "suppress": True, "ordered": True}

    matcher: Callable[[CompletionContext], SimpleMatcherResult] = match
    return matcher
