"""A policy changed in place: what was kept stays as it was promised, what comes is kept anew."""

from __future__ import annotations

from .client import VAULT, Client, back_up, policy_body


def test_a_policy_changed_in_place_counts_for_new_points(protected: tuple[Client, str]) -> None:
    client, instance = protected
    back_up(client, instance)
    (old,) = client.get(f"{instance}/recoveryPoints")["value"]
    body = policy_body()
    body["properties"]["policyRules"][1]["lifecycles"][0]["deleteAfter"]["duration"] = "P2D"
    assert client.send("PUT", f"{VAULT}/backupPolicies/mypolicy", body).status == 200
    back_up(client, instance)
    new, same = client.get(f"{instance}/recoveryPoints")["value"]
    assert same == old
    spans = [
        int(store["expiryTime"][8:10]) - int(store["creationTime"][8:10])
        for point in (new, old)
        for store in point["properties"]["recoveryPointDataStoresDetails"]
    ]
    assert spans == [2, 7]
    versions = [point["properties"]["retentionTagVersion"] for point in (new, old)]
    assert versions[0] > versions[1]
    client.sandbox.sleep(3 * 86_400)
    assert client.get(f"{instance}/recoveryPoints")["value"] == [old]


def test_a_rule_that_a_running_backup_needed(protected: tuple[Client, str]) -> None:
    client, instance = protected
    body = policy_body()
    extra = {**body["properties"]["policyRules"][1], "name": "Weekly", "isDefault": False}
    body["properties"]["policyRules"].append(extra)
    url = f"{VAULT}/backupPolicies/mypolicy"
    assert client.send("PUT", url, body).status == 200
    options = {"backupRuleOptions": {"ruleName": "BackupHourly", "triggerOption": {"retentionTagOverride": "Weekly"}}}
    job = client.done("POST", f"{instance}/backup", options)["properties"]["jobId"]
    assert client.send("PUT", url, policy_body()).status == 200
    client.sandbox.sleep(600)
    failed = client.get(job)["properties"]
    assert (failed["status"], failed["errorDetails"][0]["code"]) == ("Failed", "BMSUserErrorInvalidInput")
    assert client.get(f"{instance}/recoveryPoints") == {"value": []}
