"""Command and Option: one frozen table that feeds parsing, help, completion, documentation and dry run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from dpmagic.arm.plans import Plan

Kind = Literal[
    "text",  # one word
    "texts",  # one or more words; repeating the option adds to them
    "id",  # a resource id
    "ids",  # one or more of those
    "flag",  # no word
    "boolean",  # true, false, or no word for true
    "integer",
    "number",
    "time",  # ISO 8601, read into an aware UTC datetime
    "json",  # a file, @file, JSON text or shorthand: an object or a list
    "object",  # the same, and an object
    "jsons",  # one or more objects, or lists of them, given as one list
    "pairs",  # KEY=VALUE words, or any form of an object
    "settings",  # KEY=VALUE words, or [{..},{..}]: a list of objects
]


@dataclass(frozen=True)
class Option:
    """One option of a command.

    ``names`` are all its spellings, the first long one being the one that is shown; ``id_part`` is the part of a
    resource id that ``--ids`` takes it from; ``live`` what completion may look up in the estate; ``secret`` that its
    value is never shown again.
    """

    names: tuple[str, ...]
    help: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    id_part: str = ""
    live: str = ""
    dest: str = ""
    secret: bool = False

    @cached_property
    def key(self) -> str:
        """The name under which a plan finds the value: the first long spelling, in snake_case."""
        return self.dest or self.shown.lstrip("-").replace("-", "_")

    @cached_property
    def shown(self) -> str:
        """The spelling that help and messages use."""
        return next((name for name in self.names if name.startswith("--")), self.names[0])


class Args:
    """What a command was given, by option key; an option that was not given has its default.

    ``subscription`` is looked up when first asked for: a command that sends nothing needs none.
    """

    def __init__(self, values: Mapping[str, Any], subscription: Callable[[], str]) -> None:
        self._values, self._subscription = dict(values), subscription

    def __getattr__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise AttributeError(key) from None

    @cached_property
    def subscription(self) -> str:
        """The subscription's id."""
        return self._subscription()

    def __contains__(self, key: str) -> bool:
        """Whether the option was given a value (or has a default)."""
        return self._values.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def but(self, **changes: Any) -> Args:
        """The same with some values replaced."""
        return Args({**self._values, **changes}, self._subscription)


@dataclass(frozen=True)
class Command:
    """A command of ``az dataprotection``, without that prefix.

    ``plan`` turns arguments into steps; ``asks`` marks those where az asks for confirmation (they take ``--yes``);
    ``waits`` those that take ``--no-wait``; ``ids`` those that take ``--ids``; ``done`` says in one line what a
    command without a result has done, with option keys in braces.
    """

    name: str
    help: str
    plan: Callable[[Args], Plan] = field(repr=False)
    options: tuple[Option, ...] = ()
    asks: bool = False
    waits: bool = False
    ids: bool = False
    done: str = ""
    details: str = ""
    examples: tuple[str, ...] = ()
    permission: str = ""

    @cached_property
    def group(self) -> str:
        """The words before the last one."""
        return self.name.rpartition(" ")[0]

    @cached_property
    def changes(self) -> bool:
        """Whether it changes something: whether one of the actions of its permission is more than a read."""
        return any(not action.endswith("/read") for action in re.findall(r"Microsoft\.[\w/]+", self.permission))

    @cached_property
    def all_options(self) -> tuple[Option, ...]:
        """Its own options, those that its marks bring, and the global ones."""
        return (
            *self.options,
            *((YES,) if self.asks else ()),
            *((NO_WAIT,) if self.waits else ()),
            *((IDS,) if self.ids else ()),
            *GLOBALS,
        )

    @cached_property
    def by_name(self) -> dict[str, Option]:
        """Each spelling with its option."""
        return {name: option for option in self.all_options for name in option.names}


YES = Option(("--yes", "-y"), "Do not ask for confirmation.", "flag")
NO_WAIT = Option(
    ("--no-wait",),
    "Return once Azure has accepted the change, without waiting for its end.",
    "boolean",
    default=False,
)
IDS = Option(
    ("--ids",),
    "One or more resource ids, in place of the options that name the resource.",
    "ids",
    live="id",
)
OUTPUTS = ("frame", "json", "jsonc", "table", "tsv", "yaml", "yamlc", "raw", "none")
GLOBALS = (
    Option(("--subscription",), "Name or id of the subscription.", live="subscription", dest="subscription_given"),
    Option(("--query",), "JMESPath expression, applied to the JSON."),
    Option(("--output", "-o"), "Form of the answer; frame (a DataFrame) is the default.", choices=OUTPUTS),
    Option(("--dry-run",), "Send the reads, show the changes without sending them.", "flag"),
    Option(("--only-show-errors",), "Only show errors: no warnings, no progress.", "flag"),
    Option(("--verbose",), "Accepted as in az; %xmode Verbose shows whole tracebacks.", "flag"),
    Option(("--debug",), "Accepted as in az; %xmode Verbose shows whole tracebacks.", "flag"),
    Option(("--help", "-h"), "Show this help.", "flag"),
)
