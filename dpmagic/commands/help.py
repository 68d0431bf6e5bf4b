"""Help for a group or a command: text in a terminal, tidy HTML in a notebook, both from the table."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from html import escape
from typing import Any

from dpmagic.commands.model import GLOBALS, Command, Option
from dpmagic.commands.table import Group, commands, group

_WIDTH = 100


@dataclass(frozen=True)
class Help:
    """The help of ``subject``; it shows itself."""

    subject: Command | Group

    def __repr__(self) -> str:
        return _command_text(self.subject) if isinstance(self.subject, Command) else _group_text(self.subject)

    def _repr_html_(self) -> str:
        return _command_html(self.subject) if isinstance(self.subject, Command) else _group_html(self.subject)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def members(of: Group) -> list[tuple[str, str]]:
    """The names right below a group with what each is for; a group's name ends in ``…``."""
    listed = []
    for member in of.members:
        full = f"{of.name} {member}".strip()
        below = group(full)
        listed.append((f"{member} …", below.help) if below else (member, commands()[full].help))
    return listed


def describe(option: Option) -> str:
    """What an option is for, with its choices and default."""
    parts = [option.help]
    if option.choices:
        parts.append(f"One of: {', '.join(option.choices)}.")
    if option.default not in (None, False, ""):
        parts.append(f"Default: {option.default}.")
    return " ".join(parts)


def spellings(option: Option) -> str:
    """All spellings, the shown one first."""
    return " ".join([option.shown, *(name for name in option.names if name != option.shown)])


def _sections(command: Command) -> list[tuple[str, list[Option]]]:
    own = [option for option in command.all_options if option not in GLOBALS]
    return [
        ("Required", [option for option in own if option.required]),
        ("Optional", [option for option in own if not option.required]),
        ("Global", [option for option in command.all_options if option in GLOBALS]),
    ]


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    wide = min(max((len(name) for name, _ in rows), default=0), 44)
    lines = []
    for name, what in rows:
        wrapped = textwrap.wrap(what, _WIDTH - wide - 6) or [""]
        first, rest = (wrapped[0], wrapped[1:]) if len(name) <= wide else ("", wrapped)
        lines.append(f"  {name:<{wide}}  {first}".rstrip())
        lines += [f"  {'':<{wide}}  {line}" for line in rest]
    return lines


def _group_text(of: Group) -> str:
    head = of.name or "dataprotection"
    return "\n".join(
        [f"{head}: {of.help}", "", *_columns(members(of)), "", f"`{of.name} NAME --help`".replace("` ", "`")]
    )


def _command_text(command: Command) -> str:
    lines = [f"{command.name}: {command.help}"]
    if command.details:
        lines += ["", *textwrap.wrap(command.details, _WIDTH)]
    for title, options in _sections(command):
        if options:
            lines += ["", title, *_columns([(spellings(option), describe(option)) for option in options])]
    if command.examples:
        lines += ["", "Examples", *(f"  {example}" for example in command.examples)]
    if command.permission:
        lines += ["", *textwrap.wrap(f"Needs {command.permission}", _WIDTH)]
    return "\n".join(lines)


_STYLE = "text-align:left;vertical-align:top;white-space:normal"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td style='{_STYLE}'><code>{escape(name)}</code></td><td style='{_STYLE}'>{escape(what)}</td></tr>"
        for name, what in rows
    )
    return f"<table>{cells}</table>"


def _group_html(of: Group) -> str:
    return f"<p><b>{escape(of.name or 'dataprotection')}</b>: {escape(of.help)}</p>{_table(members(of))}"


def _command_html(command: Command) -> str:
    parts = [f"<p><b>{escape(command.name)}</b>: {escape(command.help)}</p>"]
    if command.details:
        parts.append(f"<p>{escape(command.details)}</p>")
    for title, options in _sections(command):
        if options:
            rows = [(spellings(option), describe(option)) for option in options]
            parts.append(f"<p><b>{title}</b></p>{_table(rows)}")
    if command.examples:
        parts.append(f"<p><b>Examples</b></p><pre>{escape(chr(10).join(command.examples))}</pre>")
    if command.permission:
        parts.append(f"<p>Needs <code>{escape(command.permission)}</code></p>")
    return "".join(parts)
