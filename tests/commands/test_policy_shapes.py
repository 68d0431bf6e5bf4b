"""The shape in which az's generated ``backup-policy update`` wants a policy, beside the API's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic import datasources
from dpmagic.commands.policy_shapes import api_shape
from tests.canned import Canned, az

_KEYS = {
    "AzureBackupRule": "azure-backup-rule",
    "AzureRetentionRule": "azure-retention-rule",
    "AzureBackupParams": "azure-backup-params",
    "ScheduleBasedTriggerContext": "schedule-based-trigger-context",
    "ScheduleBasedBackupCriteria": "schedule-based-backup-criteria",
    "ImmediateCopyOption": "immediate-copy-option",
    "CustomCopyOption": "custom-copy-option",
}


def az_shape(value: Any) -> Any:
    """A policy of the API in az's shape: types for keys, kebab-case, and nothing but text."""
    if isinstance(value, list):
        return [az_shape(one) for one in value]
    if not isinstance(value, dict):
        return str(value).lower() if isinstance(value, bool | int) else value
    made = {_kebab(key): az_shape(one) for key, one in value.items() if key != "objectType"}
    if (type_ := value.get("objectType")) not in _KEYS:
        return {**made, "object-type": type_} if type_ else made
    name = {"name": made.pop("name")} if "name" in made else {}
    return {**name, _KEYS[type_]: made}


def _kebab(key: str) -> str:
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in key)


def shorthand(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{shorthand(one)}" for key, one in value.items()) + "}"
    return f"[{','.join(map(shorthand, value))}]" if isinstance(value, list) else f"'{value}'"


@pytest.mark.parametrize("name", datasources.names())
@pytest.mark.parametrize("spelled", [json.dumps, shorthand])
@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_policy_in_az_s_shape_is_the_policy(name: str, spelled: Callable[[Any], str], verb: str) -> None:
    policy = datasources.manifest(name).policy_template()
    there: Canned = ["GET|PUT", "/backupPolicies/p|/backupInstances", 200, {}, {"properties": policy, "value": []}]
    text = spelled(az_shape(policy)).replace('"', '\\"')
    done = az(f'backup-policy {verb} -g g -v v -n p --policy "{text}"', [there])
    assert done.error is None
    assert done.http[-1].body == {"properties": policy}


def test_a_type_alone_is_enough() -> None:
    assert api_shape({"copyAfter": {"immediateCopyOption": {}}, "x": {"copyOnExpiryOption": None}}) == {
        "copyAfter": {"objectType": "ImmediateCopyOption"},
        "x": {"objectType": "CopyOnExpiryOption"},
    }


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["date", "name", "a"]), inner),
)


@given(_JSON)
def test_what_has_the_api_s_shape_stays(value: Any) -> None:
    once = api_shape(value)
    assert api_shape(once) == once
