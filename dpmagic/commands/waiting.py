"""The ``wait`` commands: az's conditions, asked of a resource until one holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dpmagic.arm.plans import Plan, Until
from dpmagic.arm.requests import Answer, Request
from dpmagic.commands.model import Args, Option
from dpmagic.errors import AzureError, InvalidArgument, MissingArgument

WAIT_OPTIONS = (
    Option(("--created",), "Wait until it is there with provisioningState Succeeded.", "flag"),
    Option(("--updated",), "Wait until its provisioningState is Succeeded.", "flag"),
    Option(("--deleted",), "Wait until it is gone.", "flag"),
    Option(("--exists",), "Wait until it is there.", "flag"),
    Option(("--custom",), "Wait until this JMESPath expression holds of it."),
    Option(("--interval",), "Seconds between looks.", "integer", default=30),
    Option(("--timeout",), "Seconds to wait at most.", "integer", default=3600),
)
_FAILED = ("failed", "canceled", "cancelled")


def wait(args: Args, path: str, what: str) -> Plan:
    """Ask for ``path`` until a condition of ``args`` holds; gives None, as az does.

    Raises `MissingArgument` without a condition, `OperationTimeout` after ``--timeout``, `NotFound` when something
    that is to be updated is not there, and `AzureError` when it ended as failed.
    """
    met = _condition(args, what)
    for option, seconds in (("--interval", args.interval), ("--timeout", args.timeout)):
        if seconds < 1:
            raise InvalidArgument(f"{option} cannot be {seconds}", "give 1 second or more")
    request = Request("GET", path, allow=() if args.updated and not args.created else (404,))
    yield Until(request, met, f"{what} is {_wanted(args)}", float(args.interval), float(args.timeout))


def _wanted(args: Args) -> str:
    words = [word for word in ("created", "updated", "deleted", "there") if getattr(args, _flag(word))]
    return " or ".join([*words, *([args.custom] if args.custom else [])])


def _flag(word: str) -> str:
    return "exists" if word == "there" else word


def _condition(args: Args, what: str) -> Callable[[Answer], bool]:
    if not (args.created or args.updated or args.deleted or args.exists or args.custom):
        raise MissingArgument(
            "wait needs to know what for", "--created, --updated, --deleted, --exists or --custom JMESPATH"
        )
    custom = _expression(args.custom) if args.custom else None

    def met(answer: Answer) -> bool:
        if answer.status == 404:
            return bool(args.deleted)
        state = str((answer.json.get("properties") or {}).get("provisioningState") or "").lower()
        if state in _FAILED and not args.deleted:
            raise AzureError("ProvisioningFailed", f"{what} ended as {state}", hint="see why with `show`")
        settled = state == "succeeded" and bool(args.created or args.updated)
        return bool(args.exists) or settled or (custom is not None and bool(custom(answer.json)))

    return met


def _expression(text: str) -> Callable[[Any], Any]:
    import jmespath

    try:
        compiled = jmespath.compile(text)
    except jmespath.exceptions.JMESPathError as error:
        raise InvalidArgument(
            f"--custom is not JMESPath: {str(error).splitlines()[0]}",
            "such as \"properties.currentProtectionState=='ProtectionConfigured'\"",
        ) from None
    search: Callable[[Any], Any] = compiled.search
    return search
