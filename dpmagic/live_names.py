"""Names that the estate has now, for completion: looked up in the background, kept for a short while.

Typing comes first.  A Tab waits no longer than `PATIENCE`, whatever else it had to do; when a look-up takes longer,
what was known before is offered, and the new names the next time.  One that fails is silent, but for the log.  It goes
through the connection that the session has: nothing connects, and nobody is asked to sign in, because of a Tab.

Nor does a Tab change anything.  The requests say that nobody has asked for them yet (``Sec-Purpose: prefetch``, as
browsers do); Azure pays no heed, and the sandbox, whose clock and names depend on what was asked before, answers them
without a trace: a notebook gives the same outputs however much its author has tabbed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from dpmagic.arm import subscriptions
from dpmagic.arm.ids import group_path, vault_path
from dpmagic.arm.paging import pages
from dpmagic.arm.requests import API_VERSION, Request
from dpmagic.connection import Clock, Connection, SystemClock
from dpmagic.errors import AzureError
from dpmagic.session import Session

PATIENCE = 0.100  # seconds from the start of a Tab to the end of its wait, so that all of it stays below 0.150
FRESH_FOR = timedelta(seconds=30)
FAILED_FOR = timedelta(seconds=10)  # before a failed look-up is tried again
# More than this many at once, and something hangs.
_AT_ONCE = 4
# The SDK would otherwise try for minutes, and wait on the connection's clock.
_BRIEFLY = {"retry_total": 0, "connection_timeout": 5, "read_timeout": 10}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_RESOURCES_API = "2022-12-01"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Name:
    """Something that is there, with a line about it."""

    text: str
    help: str = ""


@dataclass(frozen=True)
class Question:
    """What is to be known: names of a ``kind`` (`Option.live`), where the options typed so far say.

    With ``as_ids`` their resource ids are meant.  For the kind ``id``, ``types`` are the resource types from the one
    that is asked for down to the one that is wanted, and ``above`` is the path of a list of the first of them; without
    it, it is one that stands in resource groups.
    """

    kind: str
    subscription: str = ""
    group: str = ""
    vault: str = ""
    instance: str = ""
    as_ids: bool = False
    types: tuple[str, ...] = ()
    above: str = ""


class LiveNames:
    """The names that the session's connection gives, see the module; call it with a question, or take a `tab`.

    ``wait`` is what waits for an event for some seconds, on the hands of ``clock``.
    """

    def __init__(
        self, session: Session, clock: Clock | None = None, wait: Callable[[Event, float], Any] = Event.wait
    ) -> None:
        self._session, self._clock, self._wait = session, clock or SystemClock(), wait
        self._connection: Connection | None = None
        self._known: dict[Question, _Known] = {}

    def __call__(self, question: Question) -> Sequence[Name]:
        """What there is, as far as it is known within `PATIENCE`."""
        return self.tab()(question)

    def tab(self) -> Callable[[Question], Sequence[Name]]:
        """The same for one Tab that begins now: its first one also builds the tables, and that counts."""
        until = self._clock.now() + timedelta(seconds=PATIENCE)
        return lambda question: self._known_by(until, question)

    def _known_by(self, until: datetime, question: Question) -> Sequence[Name]:
        connection = self._session.connection
        if connection is None or question.kind not in _FINDERS or _may_prompt(connection.credential):
            return ()
        if connection is not self._connection:
            self._connection, self._known = connection, {}
        known = self._known.setdefault(question, _Known())
        if known.settled.is_set() and not self._fresh(known) and self._under_way() < _AT_ONCE:
            known.settled.clear()
            known.changes = self._session.changes
            look_up = (question, known, connection, self._session.known_subscription)
            Thread(target=self._look_up, args=look_up, daemon=True, name=f"dpmagic-{question.kind}").start()
        left = (until - self._clock.now()).total_seconds()
        if left > 0 and not known.settled.is_set():
            self._wait(known.settled, left)
        return known.names

    def _fresh(self, known: _Known) -> bool:
        return known.changes == self._session.changes and self._clock.now() < known.until

    def _under_way(self) -> int:
        return sum(not known.settled.is_set() for known in self._known.values())

    def _look_up(self, question: Question, known: _Known, connection: Connection, subscription: str | None) -> None:
        """In a thread of its own: find the names and put them where they are looked for."""
        kept = FAILED_FOR
        try:
            look = _Look(_Glance.of(connection), question, subscription or "")
            known.names, kept = tuple(_FINDERS[question.kind](look)), FRESH_FOR
        except Exception:
            # Whatever it is, completion goes on without these names; here is where one can see why.
            logger.debug("no names for %s", question, exc_info=True)
        finally:
            known.until = self._clock.now() + kept
            known.settled.set()


@dataclass
class _Known:
    names: tuple[Name, ...] = ()
    until: datetime = _LONG_AGO
    changes: int = -1
    settled: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.settled.set()


class _Glance(Connection):
    """A connection for reads that nobody has asked for yet: they say so, and give up soon."""

    @classmethod
    def of(cls, connection: Connection) -> _Glance:
        made = cls(**{one.name: getattr(connection, one.name) for one in fields(Connection)})
        made.__dict__["client"] = connection.client  # its open connections and its token serve both
        return made

    def send(self, request: Any, **options: Any) -> Any:
        request.headers["Sec-Purpose"] = "prefetch"
        return super().send(request, **options, **_BRIEFLY)


def _may_prompt(credential: Any) -> bool:
    """Whether getting a token may open a browser or print a code: a credential of that kind, or a chain with one."""
    kinds = {base.__name__ for base in type(credential).__mro__}
    return "InteractiveCredential" in kinds or any(map(_may_prompt, getattr(credential, "credentials", ())))


@dataclass
class _Look:
    """One look-up: the question, and reading what answers it."""

    connection: Connection
    question: Question
    default_subscription: str = ""

    @property
    def subscription(self) -> str:
        """The subscription's id."""
        if self.question.subscription:
            return subscriptions.resolve(self.connection, self.question.subscription)
        return self.default_subscription or subscriptions.default(self.connection)

    def items(self, path: str, api_version: str = API_VERSION) -> Iterator[dict[str, Any]]:
        for page in pages(self.connection, Request("GET", path, api_version=api_version)):
            yield from page.json["value"]

    def resources(self, type_: str) -> Iterator[dict[str, Any]]:
        """The resources of a type of Data Protection, in the group that was typed or in the whole subscription."""
        group = self.question.group
        where = group_path(self.subscription, group) if group else f"/subscriptions/{self.subscription}"
        return self.items(f"{where}/providers/Microsoft.DataProtection/{type_}")

    def in_vault(self, *rest: str) -> Iterator[dict[str, Any]]:
        """What is in the vault that was typed; nothing where several groups have a vault of this name."""
        question = self.question
        if not question.vault:
            return
        if question.group:
            yield from self.items(vault_path(self.subscription, question.group, question.vault, *rest))
            return
        found = [vault for vault in self.resources("backupVaults") if vault["name"].lower() == question.vault.lower()]
        if len(found) == 1:
            yield from self.items("/".join([found[0]["id"], *rest]))


def _named(item: dict[str, Any], *about: Any) -> Name:
    return Name(str(item["name"]), ", ".join(str(one) for one in about if one))


def _subscriptions(look: _Look) -> list[Name]:
    seen = subscriptions.visible(look.connection)
    return [Name(one.get("displayName") or one["subscriptionId"], one["subscriptionId"]) for one in seen]


def _groups(look: _Look) -> list[Name]:
    path = f"/subscriptions/{look.subscription}/resourcegroups"
    return [_named(group, group.get("location")) for group in look.items(path, _RESOURCES_API)]


def _locations(look: _Look) -> list[Name]:
    """All regions, or those of the resource groups where only groups may be read."""
    subscription = look.subscription
    try:
        listed = list(look.items(f"/subscriptions/{subscription}/locations", _RESOURCES_API))
    except AzureError:
        groups = look.items(f"/subscriptions/{subscription}/resourcegroups", _RESOURCES_API)
        return [Name(location) for location in sorted({group["location"] for group in groups})]
    return [_named(location, location.get("displayName")) for location in listed]


def _vaults(look: _Look) -> list[Name]:
    return [_named(vault, vault.get("location"), _group_of(vault["id"])) for vault in look.resources("backupVaults")]


def _group_of(resource_id: str) -> str:
    return resource_id.split("/")[4]


def _guards(look: _Look) -> list[Name]:
    found = list(look.resources("resourceGuards"))
    if look.question.as_ids:
        return [Name(guard["id"], guard["name"]) for guard in found]
    return [_named(guard, guard.get("location"), _group_of(guard["id"])) for guard in found]


def _policies(look: _Look) -> list[Name]:
    found = look.in_vault("backupPolicies")
    return [_named(policy, *policy["properties"].get("datasourceTypes", ())) for policy in found]


def _instances(look: _Look) -> list[Name]:
    found = look.in_vault("backupInstances")
    return [_named(one, one["properties"].get("friendlyName"), _protection(one["properties"])) for one in found]


def _protection(properties: dict[str, Any]) -> str:
    return str(properties.get("currentProtectionState") or "")


def _jobs(look: _Look) -> list[Name]:
    """The latest first."""
    found = sorted(look.in_vault("backupJobs"), key=lambda job: job["properties"].get("startTime") or "", reverse=True)
    about = ("operation", "dataSourceName", "status", "startTime")
    return [_named(job, *(job["properties"].get(one) for one in about)) for job in found]


def _points(look: _Look) -> list[Name]:
    """The latest first."""
    if not look.question.instance:
        return []
    found = list(look.in_vault("backupInstances", look.question.instance, "recoveryPoints"))
    taken = {point["name"]: str(point["properties"].get("recoveryPointTime") or "") for point in found}
    return [Name(name, taken[name]) for name in sorted(taken, key=taken.__getitem__, reverse=True)]


def _ids(look: _Look) -> list[Name]:
    """Ids one level at a time, as folders are: those of vaults first, each going on to what is in it."""
    question = look.question
    if not question.types:
        return []
    found = look.items(question.above) if question.above else look.resources(question.types[0])
    further = f"/{question.types[1]}/" if len(question.types) > 1 else ""
    return [Name(item["id"] + further, item["name"]) for item in found]


_FINDERS: dict[str, Callable[[_Look], list[Name]]] = {
    "subscription": _subscriptions,
    "group": _groups,
    "location": _locations,
    "vault": _vaults,
    "resource-guard": _guards,
    "policy": _policies,
    "instance": _instances,
    "job": _jobs,
    "recovery-point": _points,
    "id": _ids,
}
