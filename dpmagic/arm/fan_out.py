"""Several reads at once: the one place that has threads.

A task is a generator that yields requests and is sent their answers, as a plan is.  Workers only send and decode; the
calling thread takes the tasks on, waits on the connection's clock, and says what is going on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

from dpmagic.arm.faults import expired
from dpmagic.arm.pace import Limiter, limiter_of, resets_after
from dpmagic.arm.requests import Answer, Request, attempt
from dpmagic.connection import Connection, SystemClock
from dpmagic.errors import AzureError, ConnectionFailed, DpmagicError
from dpmagic.progress import elapsed

Result = TypeVar("Result")
Task = Generator[Request, Answer, Result]
Tell = Callable[[str], None]

WORKERS = 8
# How often one request is sent again: for its quota, and for anything else that may pass.
_THROTTLED, _FAILED = 12, 5
_LONGEST = 60.0  # seconds of a wait that nobody has asked for
_PASSING = (408, 500, 502, 503, 504)


def fan_out(
    connection: Connection, tasks: Iterable[Task[Result]], tell: Tell | None = None, *, workers: int = WORKERS
) -> Iterator[tuple[int, Result]]:
    """The result of each task with its number, as they come.

    ``tell`` hears why it is waited, ``""`` when it is not: for a line of progress.  Throttling, failures that pass and
    answers that break off are waited out; a token that has expired is renewed once for each request.

    An error of a request is thrown into its task; one that a task does not catch ends all of them.  So does Ctrl-C:
    what is under way comes to its end unheard, and the connection stays as usable as before.
    """
    run: _Run[Result] = _Run(connection, tell or _unheard)
    jobs = [_Job(number, task) for number, task in enumerate(tasks)]
    pool: Executor = ThreadPoolExecutor(min(workers, len(jobs)), "dpmagic") if len(jobs) > 1 else _Here()
    try:
        yield from run.through(jobs, pool, workers)
    finally:
        run.let_go(jobs)
        pool.shutdown(wait=False, cancel_futures=True)
        for job in jobs:
            job.task.close()


def only(connection: Connection, task: Task[Result], tell: Tell | None = None) -> Result:
    """The result of one task, carried out in this thread; see `fan_out`."""
    return next(result for _, result in fan_out(connection, [task], tell))


def _unheard(text: str) -> None: ...


class _Here(Executor):
    """Carries out at once, in the calling thread: one task needs no other."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **named))
        return future


@dataclass(eq=False)
class _Job:
    number: int
    task: Task[Any]
    request: Request = field(init=False)
    limiter: Limiter | None = None
    not_before: datetime | None = None
    throttled: int = 0
    failed: int = 0
    renewed: bool = False


Outcome = Answer | DpmagicError


class _Run(Generic[Result]):
    def __init__(self, connection: Connection, tell: Tell) -> None:
        self._connection, self._tell = connection, tell
        self._ready: deque[_Job] = deque()
        self._under_way: dict[Future[Outcome], _Job] = {}

    def through(self, jobs: list[_Job], pool: Executor, workers: int) -> Iterator[tuple[int, Result]]:
        for job in jobs:
            yield from self._advance(job, partial(next, job.task))
        while self._ready or self._under_way:
            until = self._send_all(pool, workers)
            if self._under_way:
                for future in self._arrived(until):
                    yield from self._heard(self._under_way.pop(future), future.result())
            elif until is not None and until > self._connection.now():
                self._tell(f"waiting for the quota, {elapsed((until - self._connection.now()).total_seconds())}")
                self._first.sleep(self._connection, until)
            else:
                self._first.answer()

    def let_go(self, jobs: Iterable[_Job]) -> None:
        """Give back the places of jobs that have stopped, wherever they were; those under way do it themselves."""
        running = {job for future, job in self._under_way.items() if future.running()}
        for job in jobs:
            if job.limiter is not None and job not in running:
                job.limiter.let_go(job)

    @property
    def _first(self) -> Limiter:
        """The limiter of what is to be sent next."""
        return limiter_of(self._connection, self._ready[0].request.path)

    def _send_all(self, pool: Executor, workers: int) -> datetime | None:
        """Send what may be sent; when the first of the others may be, None where none is left."""
        now, later = self._connection.now(), []
        for _ in range(len(self._ready)):
            job = self._ready.popleft()
            until = job.not_before if job.not_before and job.not_before > now else None
            if until is None and len(self._under_way) < workers:
                limiter = job.limiter = limiter_of(self._connection, job.request.path)
                until = limiter.take(now, job)
                if until is None:
                    self._under_way[pool.submit(_attempt, self._connection, job, limiter)] = job
                    continue
            self._ready.append(job)
            later.append(until or now)
        return min(later, default=None)

    def _arrived(self, until: datetime | None) -> set[Future[Outcome]]:
        """The answers that have come; on a real clock none may have before something else is to be sent."""
        seconds = None
        if until is not None and isinstance(self._connection.clock, SystemClock):
            seconds = (until - self._connection.now()).total_seconds()
        return wait(self._under_way, seconds if seconds and seconds > 0 else None, FIRST_COMPLETED).done

    def _heard(self, job: _Job, outcome: Outcome) -> Iterator[tuple[int, Result]]:
        delay = self._delay(job, outcome)
        if delay is not None:
            seconds, why = delay
            job.not_before = self._connection.now() + timedelta(seconds=seconds)
            self._tell(f"{why}, {elapsed(seconds)}" if seconds else "")
            self._ready.appendleft(job)
            return
        job.not_before, job.throttled, job.failed, job.renewed = None, 0, 0, False
        if isinstance(outcome, DpmagicError):
            yield from self._advance(job, partial(job.task.throw, outcome))
        else:
            yield from self._advance(job, partial(job.task.send, outcome))

    def _advance(self, job: _Job, step: Callable[[], Request]) -> Iterator[tuple[int, Result]]:
        self._tell("")
        try:
            job.request = step()
        except StopIteration as stop:
            yield job.number, stop.value
        else:
            self._ready.append(job)

    def _delay(self, job: _Job, outcome: Outcome) -> tuple[float, str] | None:
        """How long to wait before the request is sent again, and why; None when the outcome is the task's."""
        status, headers = _status(outcome)
        if status == 429 and job.throttled < _THROTTLED:
            job.throttled += 1
            seconds = max(_asked_for(headers), min(_LONGEST, 2.0 ** (job.throttled - 4)))
            limiter = limiter_of(self._connection, job.request.path)
            limiter.close(self._connection.now() + timedelta(seconds=seconds))
            return seconds, "waiting for the quota"
        if isinstance(outcome, AzureError) and not job.renewed and expired(outcome):
            job.renewed = True
            self._connection.renew()
            return 0.0, ""
        if (_may_pass(outcome) or status in _PASSING) and job.failed < _FAILED:
            job.failed += 1
            return min(_LONGEST, 0.5 * 2.0**job.failed), "the service failed; trying again"
        return None


def _attempt(connection: Connection, job: _Job, limiter: Limiter) -> Outcome:
    """In a worker: one try, whose failure is an outcome; the place at the limiter is given back whatever happens."""
    headers: Mapping[str, str] = {}
    try:
        answer = attempt(connection, job.request, retry_total=0)
        headers = answer.headers
        return answer
    except AzureError as error:
        headers = error.headers
        return error
    except DpmagicError as error:
        return error
    finally:
        limiter.give(job, connection.now(), headers)


def _status(outcome: Outcome) -> tuple[int, Mapping[str, str]]:
    if isinstance(outcome, Answer):
        return outcome.status, outcome.headers
    return (outcome.status, outcome.headers) if isinstance(outcome, AzureError) else (0, {})


def _may_pass(outcome: Outcome) -> bool:
    """Whether it is a failure of the network's; a sign-in that fails fails again."""
    from azure.core.exceptions import ClientAuthenticationError

    return isinstance(outcome, ConnectionFailed) and not isinstance(outcome.__cause__, ClientAuthenticationError)


def _asked_for(headers: Mapping[str, str]) -> float:
    """Seconds that a 429 asks for: the longer of ``Retry-After`` and the quota's own."""
    after = headers.get("retry-after", "")
    quota = resets_after(headers) if "x-ms-user-quota-resets-after" in headers or not after.isdigit() else 0.0
    return max(float(after) if after.isdigit() else 0.0, quota)
