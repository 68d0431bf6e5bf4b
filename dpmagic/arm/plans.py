"""A command is a plan: a generator that yields what it wants done and is sent the outcome.

Dry run, validate-then-PUT, permission look-ups and long-running operations are then one shape: whoever carries the
plan out decides whether a request is sent, shown or waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dpmagic.arm.operations import Operation, start
from dpmagic.arm.paging import every_page
from dpmagic.arm.requests import Answer, Request, send
from dpmagic.arm.suggest import with_nearest_name
from dpmagic.connection import Connection
from dpmagic.errors import DpmagicError, Interrupted, NotConfirmed, NotFound, OperationTimeout, OutOfTouch
from dpmagic.progress import Observer, elapsed, watched


@dataclass(frozen=True)
class Say:
    """A line that the person should have read: a warning, or what a change will touch."""

    text: str


@dataclass(frozen=True)
class Ask:
    """A question that must be answered with yes before the plan goes on.

    One that is only for those ``present`` is left out where nobody can answer: az asks no such thing, and its scripts
    have no ``--yes`` for it.
    """

    question: str
    present: bool = False


@dataclass(frozen=True)
class Pause:
    """Let ``seconds`` pass on the connection's clock."""

    seconds: float
    purpose: str


@dataclass(frozen=True)
class Until:
    """Repeat a read every ``every`` seconds until ``met`` holds of its answer, for ``timeout`` seconds at most."""

    request: Request
    met: Callable[[Answer], bool]
    purpose: str
    every: float = 30.0
    timeout: float = 3600.0


@dataclass(frozen=True)
class Call:
    """Reads that have an engine of their own: ``read`` gets the connection and who hears what goes on."""

    read: Callable[[Connection, Observer], Any]
    purpose: str


_ABSENT = "was not there: nothing was deleted"
_LOST = "is not there: an earlier try, whose answer was lost, may have deleted it"

Step = Request | Say | Ask | Pause | Until | Call
Plan = Generator[Step, Any, Any]


@dataclass(frozen=True)
class Withheld:
    """A change that a dry run did not send, or (``later``) a step that depends on one."""

    method: str
    url: str
    body: Any
    purpose: str
    later: bool = False


@dataclass
class Outcome:
    """What came of a plan: its value, the changes a dry run withheld, the operation that nobody waited for.

    ``absent`` says of what it was to delete that it was not there: ARM answers that with 204, and is content.
    """

    value: Any = None
    withheld: list[Withheld] = field(default_factory=list)
    operation: Operation | None = None
    changed: bool = False
    absent: str = ""


@dataclass(frozen=True)
class Manner:
    """How a plan is carried out.  ``ask`` is None where nobody can answer."""

    observer: Observer
    dry_run: bool = False
    wait: bool = True
    yes: bool = False
    ask: Callable[[str], bool] | None = None


def carry_out(plan: Plan, connect: Callable[[], Connection], manner: Manner) -> Outcome:
    """Take a plan from its first step to its result.

    ``connect`` is called at the first request only: a command that sends none needs no connection.  An error of a
    step is thrown into the plan, which may have something to say about what was already done.
    """
    with watched(manner.observer):
        return _Run(connect, manner).through(plan)


class _Run:
    def __init__(self, connect: Callable[[], Connection], manner: Manner) -> None:
        self._connect, self._manner = connect, manner
        self._outcome = Outcome()

    def through(self, plan: Plan) -> Outcome:
        outcome = self._outcome
        advance = _sender(plan, None)
        while True:
            try:
                step = advance()
            except StopIteration as stop:
                outcome.value = stop.value
                return outcome
            try:
                reply = self._take(step)
            except DpmagicError as error:
                if isinstance(error, NotFound) and outcome.withheld:
                    plan.close()  # a read of what the dry run did not create: the preview ends here
                    return outcome
                advance = _thrower(plan, error)
                continue
            except Interrupted:
                raise
            except KeyboardInterrupt:  # while it read or waited
                hint = "what it had changed stays: see with `show`" if outcome.changed else "nothing was changed"
                raise Interrupted("stopped before it was done", hint) from None
            if outcome.operation is not None:
                plan.close()
                return outcome
            advance = _sender(plan, reply)

    def _take(self, step: Step) -> Any:
        observer = self._manner.observer
        match step:
            case Request():
                return self._request(step)
            case Say(text):
                return observer.say(text)
            case Ask(question, present):
                return None if present and self._manner.ask is None else self._ask(question)
            case Pause(seconds, purpose):
                observer.stage(f"{purpose}, {elapsed(seconds)}")
                self._connect().sleep(seconds)
                return observer.done()
            case Until():
                return self._until(step)
            case Call(read, _):
                return read(self._connect(), observer)

    def _request(self, request: Request) -> Answer:
        if request.changes and self._manner.dry_run:
            url = request.url
            self._outcome.withheld.append(Withheld(request.method, url, request.body, request.purpose))
            return Answer(200, request.body, withheld=True)
        connection = self._connect()
        try:
            if request.follow:
                return self._follow(connection, request)
            answer = every_page(connection, request) if request.every_page else send(connection, request)
        except NotFound as error:
            raise with_nearest_name(error, connection, request) from error
        except Interrupted:
            raise
        except KeyboardInterrupt:
            if not request.changes:
                raise
            what = request.purpose or f"{request.method} {request.path}"
            raise Interrupted(f"stopped in the middle of asking for: {what}", "see whether it was done") from None
        self._sent(request, answer)
        return answer

    def _follow(self, connection: Connection, request: Request) -> Answer:
        operation = start(connection, request)
        self._sent(request, operation.accepted)
        if request.no_wait and not self._manner.wait:
            self._outcome.operation = operation
            return operation.accepted
        try:
            return operation.wait(self._manner.observer)
        except (Interrupted, OutOfTouch) as stopped:
            if not request.no_wait:  # the plan has further steps, which following the operation would not take
                stopped.operation, stopped.hint = None, "what was to follow was not done: run the command again"
            raise

    def _sent(self, request: Request, answer: Answer) -> None:
        self._outcome.changed |= request.changes
        if request.method == "DELETE" and answer.status == 204:
            self._outcome.absent = _LOST if answer.again else _ABSENT

    def _ask(self, question: str) -> None:
        if self._manner.yes or self._manner.dry_run:
            return
        if self._manner.ask is None:
            raise NotConfirmed(f"{question} Nobody is there to answer.", "add --yes (-y) to go on without being asked")
        if not self._manner.ask(question):
            raise NotConfirmed("the answer was no: nothing was changed")

    def _until(self, step: Until) -> Answer | None:
        if self._outcome.withheld:
            waited = Withheld(step.request.method, step.request.url, None, step.purpose, later=True)
            self._outcome.withheld.append(waited)
            return None
        connection, observer = self._connect(), self._manner.observer
        started = connection.now()
        try:
            while True:
                answer = send(connection, step.request)
                if step.met(answer):
                    return answer
                waited_for = (connection.now() - started).total_seconds()
                if waited_for + step.every > step.timeout:
                    raise OperationTimeout(
                        f"{step.purpose}: not so after {elapsed(waited_for)}",
                        "wait longer with --timeout SECONDS",
                    )
                observer.stage(f"{step.purpose}, {elapsed(waited_for)}")
                connection.sleep(step.every)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped waiting: {step.purpose}", "run it again to go on waiting") from None
        finally:
            observer.done()


def _sender(plan: Plan, reply: Any) -> Callable[[], Step]:
    return lambda: plan.send(reply)


def _thrower(plan: Plan, error: DpmagicError) -> Callable[[], Step]:
    return lambda: plan.throw(error)


def fetch(request: Request) -> Generator[Step, Any, Any]:
    """The decoded body of one request, for ``yield from``."""
    answer: Answer = yield request
    return answer.json


def items(request: Request) -> Generator[Step, Any, list[Mapping[str, Any]]]:
    """The ``value`` of a list, all pages, for ``yield from``."""
    body = yield from fetch(request)
    return list(body["value"]) if isinstance(body, dict) else []
