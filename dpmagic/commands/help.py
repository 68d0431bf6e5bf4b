"""Help for a group or a command: text in a terminal, tidy HTML in a notebook, both from the table."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from dpmagic.commands.model import GLOBALS, Command, Kind, Option
from dpmagic.commands.table import Group, commands, group

_WIDTH = 100
_WIDEST_NAME = 44
_ACTION = re.compile(r"\bMicrosoft\.\w+(?:/\w+)+")
# What follows an option, in a word.
TAKES: dict[Kind, str] = {
    "text": "TEXT",
    "texts": "TEXT ..",
    "id": "ID",
    "ids": "ID ..",
    "flag": "",
    "boolean": "[true|false]",
    "integer": "NUMBER",
    "number": "NUMBER",
    "time": "TIME",
    "json": "JSON",
    "object": "JSON",
    "jsons": "JSON ..",
    "pairs": "KEY=VALUE ..",
    "settings": "KEY=VALUE ..",
}

_Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Help:
    """The help of ``subject``; it shows itself.  ``beside`` are commands that are not of az but belong there."""

    subject: Command | Group
    beside: tuple[Command, ...] = ()

    def __repr__(self) -> str:
        return _text(self._page())

    def _repr_html_(self) -> str:
        return _html(self._page())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _page(self) -> _Page:
        also = [(command.name, command.help) for command in self.beside]
        if isinstance(self.subject, Command):
            return _command(self.subject, also)
        return _group(self.subject, also)


@dataclass(frozen=True)
class _Page:
    """What there is to show, before it is text or HTML.  A section is a title and rows of a name with what it is."""

    name: str
    help: str
    details: str
    sections: list[tuple[str, _Rows]]
    examples: tuple[str, ...]
    foot: str


def members(of: Group) -> _Rows:
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
        shown = f"{option.default:g}" if isinstance(option.default, float) else option.default
        parts.append(f"Default: {shown}.")
    return " ".join(parts)


def spellings(option: Option) -> str:
    """All spellings, the shown one first."""
    return " ".join([option.shown, *(name for name in option.names if name != option.shown)])


def needs(command: Command) -> str:
    """The permission that a command needs, as a sentence."""
    if not command.permission:
        return "Needs no permission: nothing is sent to Azure."
    return f"Needs {_ACTION.sub(lambda action: f'`{action[0]}`', command.permission)}."


def folded(example: str) -> str:
    """An example over as many lines as it needs, each but the last with the `\\` that says so.

    >>> print(folded(f"job show -g {'g' * 40} -v {'v' * 40} --job-id 1"))
    job show -g gggggggggggggggggggggggggggggggggggggggg -v vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv \\
      --job-id 1
    """
    first, *rest = re.split(r" (?=--?[a-z]|> )", example)
    lines = [first]
    for part in rest:
        if len(longer := f"{lines[-1]} {part}") > _WIDTH - len("   \\"):  # help indents by two
            lines.append(f"  {part}")
        else:
            lines[-1] = longer
    return " \\\n".join(lines)


def _group(of: Group, also: _Rows) -> _Page:
    sections = [("", members(of)), *([("dpmagic's own", also)] if also else [])]
    foot = f"{of.name} NAME --help".strip()
    return _Page(of.name or "dataprotection", of.help, "", sections, (), f"`{foot}` shows one of these.")


def _command(command: Command, also: _Rows) -> _Page:
    own = [option for option in command.all_options if option not in GLOBALS]
    sections = [
        ("Required", _rows(option for option in own if option.required)),
        ("Optional", _rows(option for option in own if not option.required)),
        ("Global", _rows(option for option in command.all_options if option in GLOBALS)),
        ("See also", also),
    ]
    filled = [(title, rows) for title, rows in sections if rows]
    return _Page(command.name, command.help, command.details, filled, command.examples, needs(command))


def _rows(options: Iterable[Option]) -> _Rows:
    return [(f"{spellings(option)} {TAKES[option.kind]}".strip(), describe(option)) for option in options]


def _text(page: _Page) -> str:
    lines = _wrapped(f"{page.name}: {page.help}")
    if page.details:
        lines += ["", *_wrapped(page.details)]
    wide = max((len(name) for _, rows in page.sections for name, _ in rows if len(name) <= _WIDEST_NAME), default=0)
    for title, rows in page.sections:
        lines += ["", *([title] if title else []), *_columns(rows, wide)]
    if page.examples:
        examples = "\n".join(folded(example) for example in page.examples)
        lines += ["", "Examples", textwrap.indent(examples, "  ")]
    return "\n".join([*lines, "", *_wrapped(page.foot)])


def _columns(rows: _Rows, wide: int) -> list[str]:
    lines = []
    for name, what in rows:
        wrapped = _wrapped(what, _WIDTH - wide - 4)
        first, rest = (wrapped[0], wrapped[1:]) if len(name) <= wide else ("", wrapped)
        lines.append(f"  {name:<{wide}}  {first}".rstrip())
        lines += [f"  {'':<{wide}}  {line}" for line in rest]
    return lines


def _wrapped(text: str, width: int = _WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]


# Notebooks align cells to the right and keep them on one line: both are undone, colours are left to the theme.
_CELL = "text-align:left;vertical-align:top;white-space:normal"
_PRE = "white-space:pre-wrap;overflow-wrap:anywhere"


def _html(page: _Page) -> str:
    parts = [f"<p><b>{escape(page.name)}</b>: {_inline(page.help)}</p>"]
    if page.details:
        parts.append(f"<p>{_inline(page.details)}</p>")
    parts.append("<table>")
    for title, rows in page.sections:
        if title:
            parts.append(f"<tr><th colspan='2' style='{_CELL}'>{escape(title)}</th></tr>")
        for name, what in rows:
            parts.append(f"<tr><td style='{_CELL}'>{_name(name)}</td><td style='{_CELL}'>{_inline(what)}</td></tr>")
    parts.append("</table>")
    if page.examples:
        examples = "\n".join(folded(example) for example in page.examples)
        parts.append(f"<p><b>Examples</b></p><pre style='{_PRE}'>{escape(examples)}</pre>")
    return "".join([*parts, f"<p>{_inline(page.foot)}</p>"])


def _name(name: str) -> str:
    """As code that breaks between words only: a hyphen is no place for it."""
    return " ".join(f"<code style='white-space:nowrap'>{escape(word)}</code>" for word in name.split())


def _inline(text: str) -> str:
    """Escaped text, in which what stands between backticks is code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
