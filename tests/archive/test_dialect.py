"""The same KQL of the tables, asked of Azure (the sandbox) and of an archive collected then: the same frames."""

from __future__ import annotations

import pandas
import pytest
from pandas.testing import assert_frame_equal

from dpmagic.archive.collect import collect
from dpmagic.archive.opening import open_archive
from dpmagic.connection import connect_sandbox
from dpmagic.errors import DpmagicError, QueryError
from dpmagic.estate.estate import Estate
from dpmagic.estate.opening import open_live

SPEC = {
    "seed": 7,
    "days": 16,
    "policies": {
        "p": {"every": "PT4H", "start": "2024-01-01T01:00:00Z", "keep": "P7D"},
        "q": {"every": "P1D", "start": "2024-01-01T22:00:00Z", "keep": "P7D"},
    },
    "subscriptions": [
        {
            "name": "Shop",
            "vaults": {"v": {"policies": ["p", "q"], "tags": {"owner": "shop"}}, "w": {"policies": ["q"]}},
            "disks": [
                {"name": "d", "count": 6, "vault": "v", "policy": "p", "group": "rg", "tags": {"owner": "dba"}},
                {"name": "e", "count": 2, "vault": "w", "policy": "q", "group": "rg"},
                {"name": "free", "count": 2, "group": "rg"},
            ],
        }
    ],
    "plant": [
        {"kind": "failed", "disks": "d-001", "at": "-3d", "runs": 5},
        {"kind": "failed", "disks": "d-002", "at": "-1d", "runs": 100, "code": "UserErrorNotEnoughPermissionOnDisk"},
    ],
}
# What Azure forgets while the questions are asked is not among them.
JOBS = "jobs | where startTime between (datetime(2026-02-18) .. datetime(2026-03-01)) | "

OF_JOBS = """
summarize count() by status | order by status asc
summarize percentile(durationSeconds, 95) by vaultName | order by vaultName asc
summarize p95=percentile(durationSeconds, 95), n=dcount(backupInstanceId) by vaultName | order by vaultName asc
summarize percentiles(durationSeconds, 50, 95)
summarize percentiles(durationSeconds / 60, 50, 95.5), n=count() by vaultName | order by vaultName asc
summarize s=make_set(status), l=array_sort_asc(make_list(errorCode)) by vaultName | order by vaultName asc
summarize make_set_if(dataSourceName, status == 'Failed') by vaultName | order by vaultName asc
summarize makeset(status)
summarize minif(durationSeconds, status == 'Completed'), maxif(durationSeconds, status == 'Completed')
summarize count_distinct(dataSourceName)
summarize n=count() by day=bin(startTime, 1d), status | order by day asc, status asc
summarize n=count() by bin(startTime, 1d) | order by startTime asc
extend k=case(status == 'Failed', 'bad', status == 'Completed', 'good', '?') | summarize count() by k | order by k asc
summarize b=countif(status == 'Failed'), n=count() by vaultName | extend rate=round(100.0*b/n, 2) | order by rate asc
extend x=iff(status =~ 'failed', 1, 0) | summarize sum(x), avg(x), max(endTime) by vaultName | order by vaultName asc
summarize arg_max(startTime, status, id) by dataSourceName | order by dataSourceName asc
summarize arg_max(startTime, *) by dataSourceName | project dataSourceName, status | order by dataSourceName asc
order by startTime desc, id asc | take 5 | project id, startTime, durationSeconds, errorCode
distinct status, vaultName | order by status asc, vaultName asc
where status in~ ('failed', 'inprogress') and vaultName in ('v') | count
where errorCode == '' | count
where errorCode != 'InternalServerError' | count
where isempty(errorCode) | count
where id has 'backupVaults' and id contains 'V' and dataSourceName startswith 'd-' | count
where dataSourceName matches regex '^d-00[12]' | count
where startTime >= startofday(datetime(2026-02-25T11:00Z)) and startTime < endofday(datetime(2026-02-25)) | count
where startTime !between (datetime(2026-02-20) .. datetime(2026-02-22)) | count
extend h=hourofday(startTime) | summarize n=count() by h | order by h asc
extend d=format_datetime(startTime, 'yyyy-MM-dd'), w=startofweek(startTime) | distinct d, w | order by d asc
project name=dataSourceName, took=endTime - startTime, startTime | order by startTime asc, name asc | take 5
parse id with * '/backupVaults/' vault '/' rest | summarize n=count() by vault | order by vault asc
project-away id, errorDetails, isUserError | order by startTime asc, dataSourceName asc | take 3
project-away error*, *UserError, recovery*, is* | order by startTime asc, dataSourceName asc | take 3
project-keep status, vault* | distinct vaultName, status | order by vaultName asc, status asc
project status, id, vaultName | project-reorder vault*, id | order by id asc | take 3
project-rename s=status | summarize n=count() by s | order by s asc
extend parts=split(id, '/') | project last=tostring(parts[-1]), sub=tostring(parts[2]) | order by last asc | take 3
top 5 by startTime desc | project startTime
summarize time=max(startTime), n=count() by kind=operationCategory, title=status | order by kind asc, title asc
summarize n=dcountif(dataSourceName, status == 'Failed'), s=sumif(durationSeconds, status == 'Completed')
extend m=toint(durationSeconds / 60), l=tolong(durationSeconds) | summarize sum(m), sum(l)
extend e=coalesce(errorCode, 'none'), v=strcat(toupper(vaultName), '/', status) | distinct e, v | order by v asc, e asc
"""
OF_OTHERS = """
vaults | project name, owner=tostring(tags['owner']) | order by name asc
vaults | project name, owner=tags.owner | order by name asc
vaults | where isnotempty(tags.owner) | project name, tags | order by name asc
vaults | extend b=bag_pack('n', name, 'l', location) | order by name asc | project b
vaults | extend k=bag_keys(tags) | project name, k | order by name asc
disks | extend owner=tostring(tags.owner) | summarize n=count(), gib=sum(diskSizeGB) by owner | order by owner asc
policies | mv-expand type=datasourceTypes | project name, type=tostring(type) | order by name asc
policies | mv-expand r=policyRules | project name, r=tostring(r.name), kind=tostring(r.objectType) | sort by name, r
policies | extend n=array_length(policyRules) | project name, n | order by name asc
instances | summarize n=count() by currentProtectionState, vaultName | order by vaultName asc
snapshots | where timeCreated > datetime(2026-02-25) | summarize n=count() by t=bin(timeCreated, 1d) | order by t asc
subscriptions | project name, tags | order by name asc
role_assignments | summarize n=count() by roleName, root = scope == "/" | order by roleName asc, root asc
"""  # fmt: skip


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Estate]:
    live = open_live(connect_sandbox(estate=SPEC))
    path = tmp_path_factory.mktemp("archive")
    collect(live, path, recovery_points=False)
    return live, open_archive(path, window=live.window)


@pytest.mark.parametrize("kql", [*(JOBS + line for line in OF_JOBS.split("\n")[1:-1]), *OF_OTHERS.split("\n")[1:-1]])
def test_the_same_frame(both: tuple[Estate, Estate], kql: str) -> None:
    live, kept = both
    want = live.query(kql)
    assert len(want), kql
    assert_frame_equal(kept.query(kql), want)


def test_tables_together(both: tuple[Estate, Estate]) -> None:
    """What Resource Graph joins only its own tables in: held against pandas."""
    kept = both[1]
    instances, vaults, jobs = kept.instances(), kept.vaults(), kept.jobs()
    vault_of = instances.merge(vaults, left_on="vaultId", right_on="id")["storageType"].value_counts()
    found = kept.query(
        "instances | join kind=inner (vaults | project vaultId=id, storageType) on vaultId\n"
        "| summarize n=count() by storageType"
    )
    assert dict(zip(found["storageType"], found["n"], strict=True)) == vault_of.to_dict()
    failed = set(jobs.loc[jobs["status"] == "Failed", "backupInstanceId"])
    well = "instances | join kind=leftanti (jobs | where status == 'Failed' | project id=backupInstanceId) on id"
    assert set(kept.query(f"{well} | project id")["id"]) == set(instances["id"]) - failed
    names = kept.query("vaults | project name, kind='vault' | union (policies | project name, kind='policy')")
    assert sorted(names["name"]) == sorted([*vaults["name"], *kept.policies()["name"]])
    assert set(names["kind"]) == {"vault", "policy"}
    named = kept.query(
        "let bad = jobs | where status == 'Failed'; bad | summarize (a, b) = percentiles(isUserError, 1, 9)"
    )
    assert named.columns.to_list() == ["a", "b"]


@pytest.mark.parametrize(
    ("kql", "told", "hint"),
    [
        (
            "jobs | extend n=row_number()",
            "an archive does not run row_number",
            "number the rows of the frame",
        ),
        ("jobs | serialize | take 1", "line 1, position", "number the rows of the frame"),
        ("jobs | make-series n=count() on startTime step 1d", "an archive does not run make-series", "bin(time, 1d)"),
        ("jobs | evaluate pivot(status)", "an archive does not run evaluate", "pivot the frame in pandas"),
        ("jobs | sample 3", "an archive does not run sample", "take"),
        ("jobs | summarize make_bag(errorDetails)", "an archive does not run make_bag", "make_list"),
        ("search 'x'", "an archive does not run search", "name the table"),
        ("jobs | where statu == 'Failed'", "no column 'statu'", "status"),
        ("jobs | join (valts | take 1) on id", "no table 'valts'", "vaults"),
    ],
)
def test_what_cannot_run_says_what_to_write_instead(
    both: tuple[Estate, Estate], kql: str, told: str, hint: str
) -> None:
    with pytest.raises(DpmagicError) as error:
        both[1].query(kql)
    assert told in error.value.message
    assert hint in error.value.hint
    assert len(error.value.message.splitlines()) == 1


def test_a_fault_is_pointed_at(both: tuple[Estate, Estate]) -> None:
    with pytest.raises(QueryError) as error:
        both[1].query("jobs\n| where status = = 1")
    assert error.value.lines()[1:3] == ["  | where status = = 1", "                   ^"]


def test_plain_text_is_left_as_it_is(both: tuple[Estate, Estate]) -> None:
    found: pandas.DataFrame = both[1].query("vaults | take 1 | project x='kind, percentiles(a, 1)'")
    assert found["x"][0] == "kind, percentiles(a, 1)"
