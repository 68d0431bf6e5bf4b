"""From a command's JSON to what its statement gives: a frame, a text, a file, or one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpmagic import output
from dpmagic.commands.model import Args, Command
from dpmagic.connection import Connection
from dpmagic.results import Text


@dataclass(frozen=True)
class Result:
    """What one statement gave.

    ``value`` is what a variable gets (a DataFrame, `Text`, `Preview`, `Handle`, `Help`, or None), ``line`` what was
    done when there is nothing to show, ``silent`` whether the statement asked for quiet.
    """

    value: Any = None
    line: str = ""
    silent: bool = False


@dataclass(frozen=True)
class Form:
    """How the answer of a command is wanted.

    ``output`` and ``query`` are as typed, empty where they were not; ``done`` is the line for a command that has no
    answer.  They are plain text, so that the answer of an operation can be given in another process.
    """

    command: str
    output: str = ""
    query: str = ""
    done: str = ""

    @classmethod
    def of(cls, command: Command, runs: Iterable[Args]) -> Form:
        """The form that was asked for; there are several runs where ``--ids`` gave several ids."""
        runs = list(runs)
        done = "\n".join(command.done.format_map(_Blank({key: getattr(run, key) for key in run})) for run in runs)
        return cls(command.name, runs[0].output or "", runs[0].query or "", done)

    def give(
        self,
        value: Any,
        connection: Connection | None,
        output_wanted: str,
        width: int | None = None,
        file: str = "",
        say: Callable[[str], None] | None = None,
    ) -> Result:
        """``value``, the service's JSON, in this form; ``output_wanted`` is that of an answer without ``-o``.

        Written to ``file`` when there is one.  ``say`` hears of what a query asks for that nothing has.  Raises
        `InvalidArgument` for a query that does not read.
        """
        form = self.output or output_wanted
        if value is None and not self.query and not file:
            return Result(line=self.done if form in ("frame", "table") else "")
        if self.query or file:
            value = output.az_json(value)
        elif form != "raw":
            value = output.with_resource_group(value)
        if self.query:
            if say:
                for line in output.nowhere(value, self.query):
                    say(line)
            value = output.query(value, self.query)
        if file:
            return Result(line=output.write(value, Path(file).expanduser()))
        if form == "frame":
            return Result(self._frame(value, connection))
        return Result(Text(output.text(value, form, width=width)) if form != "none" else None)

    def _frame(self, value: Any, where: Connection | None) -> Any:
        from dpmagic.frames import frame

        attrs = {"command": self.command, **({"target": where.target, "at": where.now().isoformat()} if where else {})}
        return frame(value, attrs=attrs)


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return key.replace("_", " ")
