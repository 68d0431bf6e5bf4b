"""Statements carried out one after another: words -> command -> plan -> answer.  Stops at the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpmagic import language, output
from dpmagic.arm.ids import parse_id
from dpmagic.arm.plans import Manner, Outcome, carry_out
from dpmagic.commands.help import Help
from dpmagic.commands.model import Args, Command
from dpmagic.commands.parse import parse
from dpmagic.commands.table import Group, resolve
from dpmagic.errors import InvalidArgument, LanguageError
from dpmagic.progress import Observer, Silent
from dpmagic.results import Handle, Preview, Text
from dpmagic.session import Session
from dpmagic.session_commands import SessionCommand, session_command


@dataclass(frozen=True)
class Result:
    """What one statement gave.

    ``value`` is what a variable gets (a DataFrame, `Text`, `Preview`, `Handle`, `Help`, or None), ``line`` what was
    done when there is nothing to show, ``silent`` whether the statement asked for quiet.
    """

    value: Any = None
    line: str = ""
    silent: bool = False


def execute(text: str, session: Session, names: Mapping[str, Any] | None = None) -> Iterator[Result]:
    """Run the statements of ``text``, giving each one's result as it comes.

    ``names`` are looked up before the session's own.  Raises the error of the first statement that fails; those
    before it have been carried out, those after it have not.
    """
    for statement in language.parse(text):
        known = {**session.names, **names} if names else session.names
        if isinstance(statement, language.Assignment):
            session.names[statement.name] = language.expand_value(statement.value, known)
            continue
        result = one(language.expand(statement.words, known), session, _file(statement, known))
        if statement.target:
            session.names[statement.target] = result.value
        yield Result(result.value, result.line, statement.silent)


def _file(statement: language.Statement, known: Mapping[str, Any]) -> str:
    if statement.file is None:
        return ""
    names = language.expand([statement.file], known)
    if len(names) != 1:
        raise LanguageError(f"line {statement.line}: > needs one file, not {len(names)}", "write > name.json")
    return names[0]


def one(words: list[str], session: Session, file: str = "") -> Result:
    """Run one statement given as words; write its JSON to ``file`` when there is one."""
    if own := session_command(words):
        return _own(*own, session)
    found, rest = resolve(words)
    if isinstance(found, Group):
        return Result(Help(found))
    values = parse(found, rest)
    if values.get("help"):
        return Result(Help(found))
    return _answer(found, values, session, file)


def _own(command: SessionCommand, words: list[str], session: Session) -> Result:
    values = parse(command, words)
    if values.get("help"):
        return Result(Help(command))
    return Result(line=command.act(Args(values, session.subscription), session))


def _answer(command: Command, values: dict[str, Any], session: Session, file: str) -> Result:
    observer: Observer = Silent() if values["only_show_errors"] else session.observer
    manner = Manner(
        observer,
        dry_run=bool(values["dry_run"]),
        wait=not values.get("no_wait"),
        yes=bool(values.get("yes")),
        ask=session.ask,
    )
    outcomes = [carry_out(command.plan(args), session.connected, manner) for args in _each(command, values, session)]
    if withheld := [step for outcome in outcomes for step in outcome.withheld]:
        return Result(
            Preview(tuple(withheld)), line="nothing was written: the file would hold the answer" if file else ""
        )
    if outcomes[0].operation is not None:
        return _accepted(outcomes, observer)
    value = outcomes[0].value if len(outcomes) == 1 else [outcome.value for outcome in outcomes]
    return _shown(command, values, value, session, file)


def _accepted(outcomes: list[Outcome], observer: Observer) -> Result:
    handles = [Handle(outcome.operation, observer) for outcome in outcomes if outcome.operation]
    return Result(handles[0] if len(handles) == 1 else handles)


def _each(command: Command, values: dict[str, Any], session: Session) -> list[Args]:
    """The arguments of each run: one, or one for each of ``--ids``."""
    given = values["subscription_given"]
    if not values.get("ids"):
        return [Args(values, lambda: session.subscription(given))]
    return [_from_id(command, values, text) for text in values["ids"]]


def _from_id(command: Command, values: dict[str, Any], text: str) -> Args:
    resource = parse_id(text)
    parts: dict[str, Any] = {}
    for option in command.options:
        if option.id_part == "resourceGroups":
            parts[option.key] = resource.resource_group
        elif option.id_part and (name := resource.named(option.id_part)):
            parts[option.key] = name
        elif option.id_part and option.required and values.get(option.key) is None:
            raise InvalidArgument(
                f"--ids {text!r} names no {option.id_part}", f"give the id of what `{command.name}` is about"
            )
    return Args({**values, **parts}, _always(resource.subscription))


def _always(subscription: str) -> Callable[[], str]:
    return lambda: subscription


def _shown(command: Command, values: dict[str, Any], value: Any, session: Session, file: str) -> Result:
    form = values["output"] or session.output
    if value is None and not values["query"] and not file:
        return Result(line=command.done.format_map(_Blank(values)) if form in ("frame", "table") else "")
    if values["query"] or file:
        value = output.az_json(value)
    elif form != "raw":
        value = output.with_resource_group(value)
    if values["query"]:
        value = output.query(value, values["query"])
    if file:
        return Result(line=output.write(value, Path(file).expanduser()))
    if form == "frame":
        return Result(_frame(command, value, session))
    return Result(Text(output.text(value, form, width=session.width)) if form != "none" else None)


def _frame(command: Command, value: Any, session: Session) -> Any:
    from dpmagic.frames import frame

    where = session.connection
    attrs = {"command": command.name, **({"target": where.target, "at": where.now().isoformat()} if where else {})}
    return frame(value, attrs=attrs)


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return key.replace("_", " ")
