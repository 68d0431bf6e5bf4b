"""What is seen beside results: lines that stay, the line of progress that goes, and questions."""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle, display

from dpmagic.progress import Observer, Terminal
from dpmagic.session import Session


def show_line(text: str) -> None:
    """Show one plain line as an output of its own."""
    display({"text/plain": text}, raw=True)


class NotebookProgress:
    """Progress as one output that is updated in place and empty in the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._line: DisplayHandle | None = None

    def say(self, text: str) -> None:
        print(text)

    def stage(self, text: str) -> None:
        if not self._session.takes_time:
            return
        if self._line is None:
            self._line = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._line.update({"text/plain": text}, raw=True)

    def done(self) -> None:
        if self._line is not None:
            self._line.update({}, raw=True)
            self._line = None


def _kernel(shell: InteractiveShell) -> Any:
    """The ipykernel that the shell is in; None in a terminal."""
    return getattr(shell, "kernel", None)


def observer_of(shell: InteractiveShell, session: Session) -> Observer:
    """Who shows progress in this shell."""
    return NotebookProgress(session) if _kernel(shell) else Terminal(lambda: session.takes_time)


def can_answer(shell: InteractiveShell) -> bool:
    """Whether somebody is there to answer a question now: at a terminal, or at a notebook that takes input."""
    if kernel := _kernel(shell):
        # ipykernel has no public name for it; papermill, nbclient and nbval run with False.
        return bool(kernel._allow_stdin)
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str) -> bool:
    """Ask, and wait for the answer: ``y`` and ``yes`` are yes, anything else and the end of input are no."""
    try:
        answer = input(f"{question} (y/n): ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")
