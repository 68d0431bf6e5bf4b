"""Statements carried out one after another: words -> command -> plan -> answer.  Stops at the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dpmagic import language, output, session_commands
from dpmagic.answers import Form, Result
from dpmagic.arm.ids import parse_id
from dpmagic.arm.plans import Manner, Outcome, carry_out
from dpmagic.commands.help import Help
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.parse import parse
from dpmagic.commands.table import Group, resolve
from dpmagic.errors import DpmagicError, Interrupted, InvalidArgument, LanguageError, OutOfTouch
from dpmagic.handles import Handle
from dpmagic.progress import Observer, Silent
from dpmagic.results import Preview
from dpmagic.session import Session
from dpmagic.session_commands import SessionCommand, session_command

_Statement = language.Statement | language.Assignment


def execute(text: str, session: Session, names: Mapping[str, Any] | None = None) -> Iterator[Result]:
    """Run the statements of ``text``, giving each one's result as it comes.

    ``names`` are looked up before the session's own.  Raises the error of the first statement that fails; those
    before it have been carried out, those after it have not.
    """
    statements = language.parse(text)
    for number, statement in enumerate(statements, 1):
        known = {**session.names, **names} if names else session.names
        with _telling(statement, statements[number:]):
            if isinstance(statement, language.Assignment):
                session.names[statement.name] = language.expand_value(statement.value, known)
                continue
            result = one(language.expand(statement.words, known), session, _file(statement, known))
        if statement.target:
            session.names[statement.target] = result.value
        yield Result(result.value, result.line, statement.silent)


@contextmanager
def _telling(statement: _Statement, after: Sequence[_Statement]) -> Iterator[None]:
    """An error in the block says how many statements after this one have not been carried out for it."""
    try:
        yield
    except (DpmagicError, Interrupted) as stopped:
        if after:
            those = f"{len(after)} statements" if len(after) > 1 else "the statement"
            was = "were" if len(after) > 1 else "was"
            told = f"{those} after line {statement.line} {was} not carried out"
            stopped.hint = "; ".join(filter(None, [stopped.hint, told]))
        raise


def _file(statement: language.Statement, known: Mapping[str, Any]) -> str:
    if statement.file is None:
        return ""
    names = language.expand([statement.file], known)
    if len(names) != 1:
        raise LanguageError(f"line {statement.line}: > needs one file, not {len(names)}", "write > name.json")
    if not names[0].strip():  # mostly a variable that is not set
        raise LanguageError(f"line {statement.line}: the file after > has no name", "write > name.json")
    return names[0]


def one(words: list[str], session: Session, file: str = "") -> Result:
    """Run one statement given as words; write its JSON to ``file`` when there is one.

    A ``?`` after a command's name asks for its help, as at the end of a line of IPython.
    """
    if words and words[-1].endswith("?") and not any(word.startswith("-") for word in words):
        words = [*words[:-1], *([name] if (name := words[-1].rstrip("?")) else []), "--help"]
    if words[:1] == ["connect"] and not {"-h", "--help"} & set(words):
        session.asked = True  # also when a word of it is mistyped
    if own := session_command(words):
        return _own(*own, session)
    found, rest = resolve(words)
    if isinstance(found, Group):
        return Result(Help(found, () if found.name else session_commands.COMMANDS))
    values = parse(found, rest)
    if values.get("help"):
        return Result(Help(found))
    return _answer(found, values, session, file)


def _own(command: SessionCommand, words: list[str], session: Session) -> Result:
    values = parse(command, words)
    if values.get("help"):
        return Result(Help(command, session_commands.below(command)))
    given = command.act(Args(values, session.subscription), session)
    return Result(line=given) if isinstance(given, str) else given


def _answer(command: Command, values: dict[str, Any], session: Session, file: str) -> Result:
    if values["query"] is not None:
        output.check_query(values["query"])
    if file:
        output.check_file(Path(file).expanduser())
    observer: Observer = Silent() if values["only_show_errors"] else session.observer
    manner = Manner(
        observer,
        dry_run=bool(values["dry_run"]),
        wait=not values.get("no_wait"),
        yes=bool(values.get("yes")),
        ask=session.ask,
    )
    runs = _each(command, values, session)
    outcomes, handles = [], []
    for run in runs:
        outcomes.append(_carried(command, run, runs, session, manner))
        if operation := outcomes[-1].operation:
            handles.append(session.keep(Handle(operation, _form(command, run, outcomes[-1]), session)))
    if withheld := [step for outcome in outcomes for step in outcome.withheld]:
        return Result(
            Preview(tuple(withheld)), line="nothing was written: the file would hold the answer" if file else ""
        )
    if handles:
        line = "nothing was written: the answer comes with .wait()" if file else ""
        return Result(handles[0] if len(handles) == 1 else handles, line)
    found = [outcome.value for outcome in outcomes]
    value = found[0] if len(found) == 1 or not any(one is not None for one in found) else found
    forms = [_form(command, run, outcome) for run, outcome in zip(runs, outcomes, strict=True)]
    form = replace(Form.of(command, runs), done="\n".join(one.done for one in forms))
    result = session.give(value, form, session.connection, file, observer)
    absent = [one.done for one, outcome in zip(forms, outcomes, strict=True) if outcome.absent]
    if absent and not result.line and not values["only_show_errors"]:
        # Where az is silent of a deletion that was done, a name that nothing has is not passed over.
        return replace(result, line="\n".join(absent))
    return result


def _form(command: Command, run: Args, outcome: Outcome) -> Form:
    """In which form one run's answer is wanted, and what is said where it has none."""
    form = Form.of(command, [run])
    what = form.done.removeprefix("deleted ")
    missing = outcome.absent and what != form.done
    return replace(form, done=f"{what} {outcome.absent}") if missing else form


def _carried(command: Command, run: Args, runs: list[Args], session: Session, manner: Manner) -> Outcome:
    """What came of one run.  When its wait is broken off, the session keeps a handle and the error says what to do."""
    try:
        outcome = carry_out(command.plan(run), session.connected, manner)
    except (Interrupted, OutOfTouch) as stopped:
        session.changes += 1
        if stopped.operation is not None:
            advice = session.keep(Handle(stopped.operation, Form.of(command, [run]), session)).advice
            stopped.hint = "; then ".join(filter(None, [stopped.hint, advice]))
        if left := len(runs) - 1 - runs.index(run):
            stopped.hint += f"; of the {len(runs)} ids the last {left} were not begun"
        raise
    except DpmagicError as error:
        if len(runs) > 1:
            done = f"{runs.index(run)} of {len(runs)} ids were done before {run.ids[0]}, none after it"
            error.hint = "; ".join(filter(None, [error.hint, done]))
        raise
    session.changes += outcome.changed
    return outcome


def _each(command: Command, values: dict[str, Any], session: Session) -> list[Args]:
    """The arguments of each run: one, or one for each of ``--ids``."""
    given = values["subscription_given"]
    if not values.get("ids"):
        return [Args(values, lambda: session.subscription(given))]
    ids = values["ids"]
    if command.changes:  # a frame may well have an id in several rows, and nothing is to be done twice
        once = {text.rstrip("/").lower(): text for text in reversed(ids)}
        ids = [text for text in ids if once.pop(text.rstrip("/").lower(), None)]
    runs = [_from_id(command, values, text) for text in ids]
    for told in dict.fromkeys(one for run in runs for one in _overruled(command, values, run)):
        if not values["only_show_errors"]:
            session.observer.say(told)
    return runs


def _overruled(command: Command, values: dict[str, Any], run: Args) -> Iterator[str]:
    """What was given besides an id that says something else; the id counts, as in az, which warns too."""
    for option in command.options:
        given, taken = values.get(option.key), getattr(run, option.key)
        if option.id_part and given and str(given).lower() != str(taken).lower():
            yield f"{option.shown} {given} is not used: the id says {taken}"
    given = values["subscription_given"]
    if given and given.lower() != run.subscription.lower():
        yield f"--subscription {given} is not used: the id says {run.subscription}"


def _from_id(command: Command, values: dict[str, Any], text: str) -> Args:
    resource = parse_id(text)
    parts: dict[str, Any] = {}
    for option in command.options:
        if option.id_part == "resourceGroups":
            parts[option.key] = resource.resource_group
        elif option.id_part and (name := next(filter(None, map(resource.named, _types(option))), "")):
            parts[option.key] = name
        elif option.id_part and option.required and values.get(option.key) is None:
            raise _not_about(command, text, f"names no {option.id_part}")
    about = {type_.lower() for option in command.options for type_ in _types(option)}
    # az looks no further than the parts it needs: given the id of a backup instance, it would delete the vault.
    if command.changes and resource.types and resource.types[-1].lower() not in about:
        raise _not_about(command, text, f"is of {resource.types[-1]}")
    return Args({**values, **parts, "ids": [text]}, _always(resource.subscription))


def _types(option: Option) -> tuple[str, ...]:
    """The types in an id after which the option's name stands: what was deleted may still go by its former id."""
    deleted = option.id_part == "deletedBackupInstances"
    return (option.id_part, "backupInstances") if deleted else (option.id_part,)


def _not_about(command: Command, text: str, what: str) -> InvalidArgument:
    return InvalidArgument(f"--ids {text!r} {what}", f"give the id of what `{command.name}` is about")


def _always(subscription: str) -> Callable[[], str]:
    return lambda: subscription
