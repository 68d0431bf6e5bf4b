"""dpmagic's own commands: which Azure to talk to, where one stands, and letting time pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from dpmagic.answers import Form, Result
from dpmagic.arm import subscriptions
from dpmagic.arm.plans import Plan
from dpmagic.clouds import CLOUD_NAMES
from dpmagic.commands.model import GLOBALS, NO_WAIT, Args, Command, Option
from dpmagic.connection import Connection, connect_azure, connect_endpoint, connect_sandbox
from dpmagic.errors import AzureError, CommandLineError, DpmagicError, InvalidArgument, did_you_mean
from dpmagic.progress import elapsed
from dpmagic.session import Session

_READ_ONLY = Option(("--read-only",), "Refuse every request that changes something.", "flag")
_SUBSCRIPTION = Option(
    ("--subscription", "-s"), "Name or id of the default subscription.", live="subscription", dest="chosen"
)
_TENANT = Option(("--tenant", "-t"), "Id of the tenant to sign in to.")
_HELP = tuple(option for option in GLOBALS if option.key == "help")
_READ_SUBSCRIPTIONS = "Microsoft.Resources/subscriptions/read"


def _no_plan(args: Args) -> Plan:
    raise AssertionError("a session command acts on the session and has no plan")


@dataclass(frozen=True)
class SessionCommand(Command):
    """A command that acts on the session; ``act`` returns the line to show, or a whole result."""

    act: Callable[[Args, Session], str | Result] = lambda args, session: ""

    @cached_property
    def all_options(self) -> tuple[Option, ...]:
        return (*self.options, *_HELP)


def _use(session: Session, connect: Callable[[], Connection]) -> str:
    """Connect and say where one is.  Only what answers takes the place of what was there."""
    try:
        connection = connect()
        # The first requests: a wrong endpoint, token or subscription shows now, not later.
        subscription = subscriptions.default(connection, session.observer.say)
        named = _named(connection)
        if named and subscription.lower() not in named:
            told = f"you can see: {', '.join(sorted(named.values()))}"
            raise InvalidArgument(f"{connection.principal} sees no subscription {subscription}", told)
    except DpmagicError as error:
        if session.connection is not None:
            error.hint = "; ".join(filter(None, [error.hint, f"still connected to {_briefly(session)}"]))
        raise
    session.use(connection, subscription)
    return "connected to " + _where(connection, subscription, named)


def _named(connection: Connection) -> dict[str, str]:
    """The names of the subscriptions that can be seen, by id; none where an emulator or a narrow role lists none."""
    try:
        seen = subscriptions.visible(connection)
    except AzureError as refused:
        if refused.status not in (403, 404):
            raise
        return {}
    return {one["subscriptionId"].lower(): one.get("displayName") or one["subscriptionId"] for one in seen}


def _briefly(session: Session) -> str:
    """The connection in use, as far as it is known without a request."""
    assert session.connection is not None
    chosen = session.known_subscription or session.connection.default_subscription
    where = f"{session.connection.target}, subscription {chosen}" if chosen else session.connection.target
    return where + (", read-only" if session.connection.read_only else "")


def _where(connection: Connection, subscription: str, named: Mapping[str, str]) -> str:
    target = "Azure" if connection.target == "azure" else connection.target
    cloud = f" ({connection.cloud.name})" if connection.target == "azure" else ""
    name = named.get(subscription.lower(), subscription)
    told = subscription if name == subscription else f"{name} ({subscription})"
    read_only = ", read-only" if connection.read_only else ""
    return f"{target}{cloud} as {connection.principal}, subscription {told}{read_only}"


def _sandbox(args: Args, session: Session) -> str:
    state = Path(args.state).expanduser() if args.state else None
    wanted = {"subscription": args.chosen, "read_only": bool(args.read_only)}
    return _use(session, lambda: connect_sandbox(state=state, estate=args.estate, **wanted))


def _azure(args: Args, session: Session) -> str:
    wanted = {"subscription": args.chosen, "read_only": bool(args.read_only)}
    return _use(session, lambda: connect_azure(tenant=args.tenant, cloud_name=args.cloud, **wanted))


def _endpoint(args: Args, session: Session) -> str:
    if not args.endpoint:
        raise CommandLineError(
            "connect to what?", "connect sandbox, connect azure, or connect --endpoint URL --ca FILE"
        )
    ca = Path(args.ca).expanduser() if args.ca else None
    wanted = {"subscription": args.chosen, "read_only": bool(args.read_only), "tenant": args.tenant}
    return _use(session, lambda: connect_endpoint(args.endpoint, ca=ca, token=args.token, **wanted))


def _context(args: Args, session: Session) -> str:
    if session.connection is None and not session.asked:
        return "not connected yet: the first command connects to Azure, or say: connect sandbox"
    connection = session.connected()
    return _where(connection, session.subscription(), _named(connection))


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float:
    """Seconds in a span such as ``90s``, ``5m``, ``1.5h`` or ``14d``; a bare number is seconds.

    Raises `InvalidArgument` when it is none.

    >>> seconds_of("1.5h")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if not found:
        raise InvalidArgument(f"{text!r} is not a span of time", "write it as 90s, 5m, 2h or 14d")
    return float(found[1]) * _UNITS[found[2] or "s"]


def _sleep(args: Args, session: Session) -> str:
    seconds = seconds_of(args.span)
    connection = session.connected()
    connection.sleep(seconds)
    session.changes += 1
    return f"{elapsed(seconds)} later: {connection.now():%Y-%m-%d %H:%M:%S} UTC"


def _advance(args: Args, session: Session) -> str:
    seconds, connection = seconds_of(args.span), session.connected()
    connection.sandbox.sleep(seconds)  # no other clock is moved
    session.changes += 1
    return f"{args.span.strip()} later: {connection.now():%Y-%m-%d %H:%M:%S} UTC"


def _planted(args: Args, session: Session) -> Result:
    connection = session.connected()
    found = connection.sandbox.planted()
    chosen = [one for one in found if not args.kind or one["kind"].lower() == args.kind.lower()]
    if args.kind and not chosen:
        kinds = dict.fromkeys(one["kind"] for one in found)
        raise InvalidArgument(f"nothing of the kind {args.kind!r} is planted", did_you_mean(args.kind, kinds, ""))
    return session.give(chosen, Form("sandbox planted"), connection)


def _resume(args: Args, session: Session) -> Result:
    handle = session.resume(args.token)
    return Result(handle) if args.no_wait else handle.finish()


COMMANDS: tuple[SessionCommand, ...] = (
    SessionCommand(
        "connect sandbox",
        "Talk to a local Azure in this process, on a clock of its own.",
        _no_plan,
        (
            Option(("--state",), "Folder that keeps the sandbox; without it, it lives in memory."),
            Option(("--estate",), "What is in it: default, starter, or a YAML file."),
            _SUBSCRIPTION,
            _READ_ONLY,
        ),
        examples=(
            "connect sandbox",
            "connect sandbox --state ./my-azure --read-only",
            "connect sandbox --estate ours.yaml",
        ),
        permission=_READ_SUBSCRIPTIONS,
        act=_sandbox,
    ),
    SessionCommand(
        "connect azure",
        "Talk to Azure as the person who ran `az login`.",
        _no_plan,
        (
            _TENANT,
            _SUBSCRIPTION,
            Option(("--cloud",), "Name of the cloud.", choices=CLOUD_NAMES, default="AzureCloud"),
            _READ_ONLY,
        ),
        examples=("connect azure --subscription Production --read-only", "connect azure --cloud AzureUSGovernment"),
        permission=_READ_SUBSCRIPTIONS,
        act=_azure,
    ),
    SessionCommand(
        "connect",
        "Talk to any ARM endpoint: a private cloud, an emulator, a served sandbox.",
        _no_plan,
        (
            Option(("--endpoint",), "URL of the endpoint, https only."),
            Option(("--ca",), "PEM file with the certificates to trust."),
            Option(("--token",), "Bearer token to use in place of a credential; never shown again.", secret=True),
            _TENANT,
            _SUBSCRIPTION,
            _READ_ONLY,
        ),
        examples=("connect --endpoint https://localhost:8443 --ca ca.pem --token TEXT",),
        permission=_READ_SUBSCRIPTIONS,
        act=_endpoint,
    ),
    SessionCommand(
        "context",
        "Show the connection in use: target, principal, subscription.",
        _no_plan,
        examples=("context",),
        permission=_READ_SUBSCRIPTIONS,
        act=_context,
    ),
    SessionCommand(
        "sleep",
        "Let time pass on the connection's clock: really against Azure, at once in the sandbox.",
        _no_plan,
        (Option(("--for",), "How long: 90s, 5m, 2h, 14d.", required=True, dest="span"),),
        examples=("sleep --for 5m", "sleep 5m"),
        act=_sleep,
    ),
    SessionCommand(
        "sandbox advance",
        "Let time pass in the sandbox: policies run, jobs end, snapshots expire.",
        _no_plan,
        (Option(("--for",), "How long: 90s, 5m, 2h, 14d.", required=True, dest="span"),),
        examples=("sandbox advance 7d",),
        act=_advance,
    ),
    SessionCommand(
        "sandbox planted",
        "Show what the sandbox has put wrong with its estate, up to now: kind, ids, times and reason.",
        _no_plan,
        (Option(("--kind",), "One kind only, such as missed or neverProtected."),),
        examples=("sandbox planted --kind missed",),
        act=_planted,
    ),
    SessionCommand(
        "resume",
        "Go on waiting for a change that Azure is at work on, and give what its command would have given.",
        _no_plan,
        (
            Option(("--token",), "Token of a handle; without it, the change that was left last."),
            replace(NO_WAIT, help="Give the handle, without waiting."),
        ),
        details="Ctrl-C and --no-wait leave a change to Azure. Nothing is sent a second time.",
        examples=("resume", "resume ${handle.token}", "resume --no-wait"),
        permission=_READ_SUBSCRIPTIONS,
        act=_resume,
    ),
)
# The option that a first word without one is for.
_FIRST = {"sleep": "--for", "resume": "--token", "sandbox advance": "--for"}
_BY_NAME = {command.name: command for command in COMMANDS}


def below(command: SessionCommand) -> tuple[SessionCommand, ...]:
    """The commands whose name goes on from this one's."""
    return tuple(one for one in COMMANDS if one.name.startswith(f"{command.name} "))


def session_command(words: Sequence[str]) -> tuple[SessionCommand, list[str]] | None:
    """The command of ours that the words name, with the words after it; None when they name none.

    >>> session_command(["connect", "sandbox", "--read-only"])[1]
    ['--read-only']
    """
    if not words or words[0] not in {name.split()[0] for name in _BY_NAME}:
        return None
    for name, rest in ((words[0], list(words[1:])), (" ".join(words[:2]), list(words[2:]))):
        if name in _FIRST and rest and not rest[0].startswith("-"):
            return _BY_NAME[name], [_FIRST[name], *rest]
    if (both := " ".join(words[:2])) in _BY_NAME:
        return _BY_NAME[both], list(words[2:])
    if words[0] == "sandbox":
        raise CommandLineError("sandbox what?", "sandbox advance 7d, or sandbox planted")
    if words[0] == "connect" and len(words) > 1 and not words[1].startswith("-"):
        targets = ("sandbox", "azure")
        raise CommandLineError(
            f"connect knows no {words[1]!r}", did_you_mean(words[1], targets, "sandbox, azure, or --endpoint URL")
        )
    return _BY_NAME[words[0]], list(words[1:])
