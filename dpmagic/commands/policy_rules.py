"""``backup-policy trigger``, ``retention-rule`` and ``tag``: editing the JSON of a policy.  Nothing is sent."""

from __future__ import annotations

import re
from typing import Any

from dpmagic.commands.common import pure
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.policy_edits import (
    with_retention,
    with_schedule,
    with_tag,
    without_retention,
    without_tag,
)
from dpmagic.commands.values import parse_instant
from dpmagic.errors import InvalidArgument, MissingArgument

_STORES = ("ArchiveStore", "OperationalStore", "VaultStore")
_TAGS = ("Daily", "Weekly", "Monthly", "Yearly")
_HOURS = (4, 6, 8, 12)
_LAST_DAY = 28  # the last that every month has


@pure
def _create_schedule(args: Args) -> list[str]:
    count = args.interval_count
    if args.interval_type == "Hourly" and count not in _HOURS:
        raise InvalidArgument(
            f"--interval-count of an hourly backup cannot be {count}", f"one of: {', '.join(map(str, _HOURS))}"
        )
    if args.interval_type != "Hourly" and count != 1:
        raise InvalidArgument(
            f"--interval-count of a {args.interval_type.lower()} backup cannot be {count}",
            "give 1; for two days a week, give both in --schedule-days",
        )
    interval = {"Daily": "P1D", "Weekly": "P1W", "Hourly": f"PT{count}H"}[args.interval_type]
    return [f"R/{_start(day)}/{interval}" for day in args.schedule_days]


def _start(day: str) -> str:
    try:
        return parse_instant(day).isoformat(timespec="seconds")
    except ValueError:
        raise InvalidArgument(
            f"--schedule-days {day!r} is not a date with a time", "write it as 2024-01-31T13:00:00, in UTC"
        ) from None


@pure
def _set_trigger(args: Args) -> dict[str, Any]:
    return with_schedule(args.policy, args.schedule)


@pure
def _create_lifecycle(args: Args) -> dict[str, Any]:
    count = args.retention_duration_count
    if count < 1:
        raise InvalidArgument(f"--retention-duration-count cannot be {count}", "give 1 or more")
    if (args.target_datastore is None) != (args.copy_option is None):
        raise MissingArgument(
            "--target-datastore and --copy-option go together",
            "say where to copy to and when, such as --target-datastore VaultStore --copy-option ImmediateCopyOption",
        )
    copies = []
    if args.target_datastore:
        copies = [{"copyAfter": {"objectType": args.copy_option}, "dataStore": _store(args.target_datastore)}]
    return {
        "deleteAfter": {"objectType": "AbsoluteDeleteOption", "duration": f"P{count}{args.retention_duration_type[0]}"},
        "sourceDataStore": _store(args.source_datastore),
        "targetDataStoreCopySettings": copies,
    }


def _store(name: str) -> dict[str, str]:
    return {"dataStoreType": name, "objectType": "DataStoreInfoBase"}


@pure
def _set_retention(args: Args) -> dict[str, Any]:
    return with_retention(args.policy, args.name, args.lifecycles)


@pure
def _remove_retention(args: Args) -> dict[str, Any]:
    return without_retention(args.policy, args.name)


@pure
def _create_absolute(args: Args) -> dict[str, Any]:
    return {"objectType": "ScheduleBasedBackupCriteria", "absoluteCriteria": [args.absolute_criteria]}


@pure
def _create_generic(args: Args) -> dict[str, Any]:
    fields = {
        "daysOfMonth": [_day(word) for word in args.days_of_month] if args.days_of_month else None,
        "daysOfTheWeek": args.days_of_week,
        "monthsOfYear": args.months_of_year,
        "weeksOfTheMonth": args.weeks_of_month,
    }
    if not any(fields.values()):
        raise MissingArgument(
            "criteria without days, weeks or months fit nothing", "give one, such as --days-of-week Sunday"
        )
    return {"objectType": "ScheduleBasedBackupCriteria", **fields}


def _day(word: str) -> dict[str, Any]:
    if word.lower() == "last":
        return {"isLast": True}
    if not re.fullmatch(r"[0-9]{1,2}", word) or not 1 <= int(word) <= _LAST_DAY:
        raise InvalidArgument(f"--days-of-month cannot be {word!r}", f"1 to {_LAST_DAY}, or Last")
    return {"date": int(word), "isLast": False}


@pure
def _set_tag(args: Args) -> dict[str, Any]:
    return with_tag(args.policy, args.name, args.criteria)


@pure
def _remove_tag(args: Args) -> dict[str, Any]:
    return without_tag(args.policy, args.name)


_POLICY = Option(
    ("--policy",), "The policy's JSON, as get-default-policy-template or show writes it.", "object", required=True
)
_RULE = Option(("--name",), "The retention rule.", required=True, choices=("Default", *_TAGS))
_TAG = Option(("--name",), "The tag.", required=True, choices=_TAGS)

_TRIGGER = (
    Command(
        "backup-policy trigger create-schedule",
        "Write a schedule, for trigger set.",
        _create_schedule,
        (
            Option(("--interval-type",), "How often.", required=True, choices=("Daily", "Weekly", "Hourly")),
            Option(("--interval-count",), "Hourly: every 4, 6, 8 or 12 hours; else 1.", "integer", required=True),
            Option(
                ("--schedule-days",),
                "When backups start: dates with times, in UTC; for weekly backups, one for each day of the week.",
                "texts",
                required=True,
            ),
        ),
        details="Gives a list of repeating time intervals of ISO 8601.",
        examples=(
            "backup-policy trigger create-schedule --interval-type Hourly --interval-count 6 "
            "--schedule-days 2024-01-31T13:00:00",
        ),
    ),
    Command(
        "backup-policy trigger set",
        "Give a policy another schedule.",
        _set_trigger,
        (
            _POLICY,
            Option(
                ("--schedule",), "Repeating time intervals, as create-schedule writes them.", "texts", required=True
            ),
        ),
        details="Gives the whole policy, for backup-policy create or update.",
        examples=(
            "backup-policy trigger set --policy policy.json --schedule R/2024-01-31T13:00:00+00:00/PT6H > policy.json",
        ),
    ),
)
_RETENTION = (
    Command(
        "backup-policy retention-rule create-lifecycle",
        "Write how long, and where, a retention rule keeps recovery points.",
        _create_lifecycle,
        (
            Option(("--source-datastore",), "Where they are kept.", required=True, choices=_STORES),
            Option(
                ("--retention-duration-type", "--type"),
                "Unit of how long.",
                required=True,
                choices=("Days", "Weeks", "Months", "Years"),
            ),
            Option(("--retention-duration-count", "--count"), "For how many of these.", "integer", required=True),
            Option(("--target-datastore",), "Where they are copied to.", choices=_STORES),
            Option(
                ("--copy-option",),
                "When they are copied; for CustomCopyOption add copyAfter.duration yourself.",
                choices=("CustomCopyOption", "ImmediateCopyOption", "CopyOnExpiryOption"),
            ),
        ),
        examples=(
            "backup-policy retention-rule create-lifecycle --source-datastore OperationalStore --count 30 --type Days "
            "> lifecycle.json",
        ),
    ),
    Command(
        "backup-policy retention-rule set",
        "Change a retention rule of a policy, or add it.",
        _set_retention,
        (
            _RULE,
            _POLICY,
            Option(
                ("--lifecycles",),
                "What create-lifecycle writes: one, several, or a list.",
                "jsons",
                required=True,
            ),
        ),
        details=(
            "Gives the whole policy, for backup-policy create or update. Where two rules share the name, as the two "
            "Default of AzureBlob do, each lifecycle goes to the rule of its source store and the other rule stays."
        ),
        examples=(
            "backup-policy retention-rule set --name Weekly --policy policy.json --lifecycles lifecycle.json "
            "> policy.json",
        ),
    ),
    Command(
        "backup-policy retention-rule remove",
        "Take a retention rule out of a policy.",
        _remove_retention,
        (_RULE, _POLICY),
        details="Gives the whole policy, for backup-policy create or update.",
        examples=("backup-policy retention-rule remove --name Weekly --policy policy.json > policy.json",),
    ),
)
_TAGGING = (
    Command(
        "backup-policy tag create-absolute-criteria",
        "Write criteria that fit the first recovery point of a day, week, month or year.",
        _create_absolute,
        (
            Option(
                ("--absolute-criteria",),
                "Which recovery points.",
                required=True,
                choices=("AllBackup", "FirstOfDay", "FirstOfMonth", "FirstOfWeek", "FirstOfYear"),
            ),
        ),
        examples=("backup-policy tag create-absolute-criteria --absolute-criteria FirstOfWeek > criteria.json",),
    ),
    Command(
        "backup-policy tag create-generic-criteria",
        "Write criteria that fit the recovery points of certain days.",
        _create_generic,
        (
            Option(("--days-of-month",), "1 to 28, and Last.", "texts"),
            Option(
                ("--days-of-week",),
                "Days of the week.",
                "texts",
                choices=("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
            ),
            Option(
                ("--months-of-year",),
                "Months.",
                "texts",
                choices=(
                    *("January", "February", "March", "April", "May", "June"),
                    *("July", "August", "September", "October", "November", "December"),
                ),
            ),
            Option(
                ("--weeks-of-month",),
                "Weeks of the month.",
                "texts",
                choices=("First", "Second", "Third", "Fourth", "Last"),
            ),
        ),
        examples=("backup-policy tag create-generic-criteria --weeks-of-month First --days-of-week Sunday",),
    ),
    Command(
        "backup-policy tag set",
        "Change which recovery points get a tag, or add it.",
        _set_tag,
        (
            _TAG,
            _POLICY,
            Option(("--criteria",), "What create-..-criteria writes: one, several, or a list.", "jsons", required=True),
        ),
        details="Gives the whole policy, for backup-policy create or update.",
        examples=("backup-policy tag set --name Weekly --policy policy.json --criteria criteria.json > policy.json",),
    ),
    Command(
        "backup-policy tag remove",
        "Take a tag out of a policy.",
        _remove_tag,
        (_TAG, _POLICY),
        details="Gives the whole policy, for backup-policy create or update.",
        examples=("backup-policy tag remove --name Weekly --policy policy.json > policy.json",),
    ),
)
COMMANDS = (*_TRIGGER, *_RETENTION, *_TAGGING)
