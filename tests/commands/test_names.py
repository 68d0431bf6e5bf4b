"""What is given as a name and is none: an id, a path, a DataFrame."""

from __future__ import annotations

import pytest

from dpmagic.errors import InvalidArgument
from dpmagic.execute import execute
from dpmagic.session import Session
from tests.wire import Wire

VAULT_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataProtection/backupVaults/v"


@pytest.mark.parametrize(
    ("line", "fault", "hint"),
    [
        ("backup-vault show -g g -v v/backupPolicies/p", "none has a '/'", "the part after backupVaults/"),
        (f"backup-vault delete -g g --yes -v {VAULT_ID}", "none has a '/'", "--ids takes an id"),
        ("backup-vault delete -g g --yes -v ../w", "none has a '/'", "backupVaults/"),
        (f"backup-vault list -g {VAULT_ID}", "--resource-group", "resourceGroups/"),
        ("backup-instance delete -g g -v v --yes -n 'a?b'", "none has a '?'", "list"),
        ("backup-policy show -g g -v v -n 'a%2Fb'", "none has a '%'", "list"),
        ("job show -g g -v v --job-id 'a\tb'", "none has a '\\t'", "list"),
        ("backup-instance delete -g g -v v --yes -n $frame", "--name is a name, not JSON", "${name.field}"),
        ("backup-vault show -g g -v {vault}", "is a name, not {vault}", "write $vault"),
        ("backup-vault show -g g -v 'f{vault}'", "none has a '{'", "list"),
    ],
)
def test_is_refused_before_anything_is_sent(line: str, fault: str, hint: str) -> None:
    wire = Wire()
    with pytest.raises(InvalidArgument) as caught:
        list(execute(line, Session(wire.connection()), {"frame": {"name": "a"}}))
    assert fault in caught.value.message and hint in caught.value.hint
    assert not wire.sent
