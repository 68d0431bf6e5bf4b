"""The step of time: what falls due between two instants, starts, ends and leaves a recovery point.

Generating the past and advancing the present are this one step. It may be cut anywhere: a run is drawn when it falls
due, from its instance's key and its due time, waits until it starts, and is judged by the state of its instance then.
What depends on earlier runs of the instance (the first success of a day, a run that is still going) is carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .. import jobs
from ..times import DAY, SECOND
from . import streams, tagging
from .behaviours import DONE, FAILED, MISSED, NEVER, Rule, fails_after
from .columns import INSTANCES, POINTS, RUNS, WAITING, Ledger, Table
from .schedules import Plan
from .streams import seconds

KEPT = jobs.LISTED + DAY  # jobs are remembered a day longer than anything shows them

_REMEMBERED = 14 * DAY  # that a snapshot went shows in resourcechanges for so long

_AT_ONCE = 10_000  # instances that a step of a whole day is for; with more, it goes in parts that fit a cache

# A scheduled backup starts within two hours; recorded ones started four to six seconds after the hour.
_LAG = seconds((0, 2), (50, 6), (90, 40), (99, 420), (100, 2400))
# In thousandths of the instance's own median.
_DURATION = streams.Spread((0, 940), (50, 1000), (95, 1060), (99, 1200), (100, 1600))
_CREATED = seconds((0, 55), (50, 61), (100, 66))  # the snapshot, after the job's start
_VISIBLE = seconds((0, 71), (50, 74), (100, 80))  # the recovery point, after its snapshot, as recorded


class Engine:
    """Instances, their policies and what they did until ``now``.

    ``jobs`` holds runs, ``points`` recovery points with their snapshots; ``witness`` the runs that planted defects
    touched, and those that never happened.
    """

    def __init__(self, seed: int, start: int) -> None:
        self.seed = seed
        self.now = start
        self.fleet = Table.empty(INSTANCES)
        self.plans: list[Plan | None] = []
        self.tags = tagging.Tags()
        self.codes: list[str] = [""]
        self.rules: list[Rule] = []
        self.jobs = Ledger(RUNS, "start")
        self.points = Ledger(POINTS, "gone")
        self.witness: list[Table] = []
        self.skipped: list[Table] = []
        self._waiting = Table.empty(WAITING)
        self._next = np.empty(0, np.int64)  # by policy
        self._members: list[NDArray[np.int64]] | None = None
        self._ready = NEVER  # the earliest start among those waiting

    def add(self, ids: Sequence[str], **columns: object) -> int:
        """Add instances; returns the number of the first. Columns as in :data:`~.columns.INSTANCES`."""
        first = len(self.fleet)
        more = Table.filled(
            INSTANCES, len(ids), key=streams.keys(ids), **{"why": -1, "holder": -1, "held": NEVER, **columns}
        )
        self.fleet = Table.joined(INSTANCES, (self.fleet, more))
        self._members = None
        return first

    def add_plan(self, plan: Plan | None) -> int:
        """Add a policy; returns its number."""
        self.plans.append(plan)
        self._next = np.append(self._next, NEVER)
        self.replan(len(self.plans) - 1, plan)
        return len(self.plans) - 1

    def replan(self, number: int, plan: Plan | None) -> None:
        """Have a policy follow another plan from now on; None schedules nothing."""
        self.plans[number] = plan
        due = plan.next_due(self.now) if plan else None
        self._next[number] = NEVER if due is None else due

    def change(self, instances: NDArray[np.int64] | int, **columns: object) -> None:
        """Change columns of instances from now on."""
        for name, values in columns.items():
            self.fleet.columns[name][instances] = values
        self._members = None

    def hold(self, instance: int) -> None:
        """Keep the points that an instance has now for good."""
        if self.fleet["held"][instance] == NEVER:
            self.change(instance, held=self.now)

    def release(self, instance: int) -> None:
        """Keep an instance's points until their expiry again: those that are past it go now."""
        held = int(self.fleet["held"][instance])
        if held != NEVER:
            self.points.lapse(instance, held, self.now)
            self.change(instance, held=NEVER)

    def alive(self, points: Table, until: str) -> NDArray[np.bool_]:
        """Which points have not gone yet, by the column ``expiry``, or their snapshots, by ``gone``."""
        alive: NDArray[np.bool_] = points[until] > np.minimum(self.fleet["held"][points["instance"]], self.now)
        return alive

    def _kept(self, points: Table) -> NDArray[np.bool_]:
        """Which points stopped protection keeps."""
        kept: NDArray[np.bool_] = points["gone"] > self.fleet["held"][points["instance"]]
        return kept

    def code(self, text: str) -> int:
        """The number of a failure's code, 0 being none."""
        if text not in self.codes:
            self.codes.append(text)
        return self.codes.index(text)

    def run(self, instance: int, at: int, tag: str, cause: int = -1) -> None:
        """Have an instance do an on-demand backup that starts at an instant to come."""
        policy = int(self.fleet["policy"][instance])
        plan = self.plans[policy]
        assert plan is not None, "an instance has a policy that can be read"
        row = Table.filled(WAITING, 1, instance=instance, policy=policy, due=at, start=at, user=True, cause=cause)
        row["tag"] = self.tags.tag(plan, tag)
        row["end"] = at + self._duration(row)
        self._wait([row])

    def advance(self, until: int) -> None:
        """Move to an instant, day by day. Costs what happens on the way, and nothing where nothing does."""
        while self.now < until:
            midnight = (self.now // DAY + 1) * DAY
            piece = DAY // (1 + int(np.count_nonzero(self.fleet["active"])) // _AT_ONCE)
            stop = min(until, midnight, (self.now // piece + 1) * piece)
            due = int(np.min(self._next)) if self._next.size else NEVER
            if stop >= min(self._ready, due):
                self._step(stop)
            self.now = stop
            if stop == midnight or stop % piece == 0:
                self.jobs.seal()
                self.points.seal()
            if stop == midnight:
                self.jobs.forget(stop - KEPT)
                self.points.forget(stop - _REMEMBERED, self._kept)

    def _step(self, until: int) -> None:
        self._wait([self._fall_due(until)])
        ready = self._waiting["start"] <= until
        if not ready.any():
            return
        runs = self._waiting.take(ready)
        self._waiting = self._waiting.take(~ready)
        self._ready = int(self._waiting["start"].min(initial=NEVER))
        self._begin(runs)

    def _wait(self, parts: list[Table]) -> None:
        self._waiting = Table.joined(WAITING, [self._waiting, *parts])
        self._ready = int(self._waiting["start"].min(initial=NEVER))

    def _fall_due(self, until: int) -> Table:
        """The runs of every policy due until an instant, with their lags and durations drawn."""
        members, dues = [], []
        for policy in np.flatnonzero(self._next <= until).tolist():
            plan = self.plans[policy]
            assert plan is not None, "no plan, no due time"
            mine = self._of(policy)
            for due in plan.dues(int(self._next[policy]) - 1, until) if len(mine) else ():
                members.append(mine)
                dues.append((policy, due.at, due.day, self.tags.choice(plan, due.choice)))
            following = plan.next_due(until)
            self._next[policy] = NEVER if following is None else following
        if not dues:
            return Table.empty(WAITING)
        counts = [len(mine) for mine in members]
        shared = zip(("policy", "due", "day", "choice"), np.array(dues, np.int64).T, strict=True)
        row = {name: np.repeat(values, counts) for name, values in shared}
        runs = Table.filled(WAITING, sum(counts), instance=np.concatenate(members), **row, tag=-1, cause=-1)
        late = runs["due"] <= self.fleet["since"][runs["instance"]]
        if late.any():
            runs = runs.take(~late)
        runs["start"] = runs["due"] + _LAG.pick(self._draw(runs, "lag"))
        runs["end"] = runs["start"] + self._duration(runs)
        return self._behave(runs)

    def _behave(self, runs: Table) -> Table:
        """Planted behaviours, on the few instances that have any."""
        ruled = self.fleet["ruled"][runs["instance"]]
        if not ruled.any():
            return runs
        some = runs.take(ruled)
        for rule in self.rules:
            more = rule.apply(some, self.fleet["key"][some["instance"]], self.seed)
            some = Table.joined(WAITING, (some, more)) if len(more) else some
        missed = some["status"] == MISSED
        self.skipped.append(some.take(missed))
        return Table.joined(WAITING, (runs.take(~ruled), some.take(~missed)))

    def _begin(self, runs: Table) -> None:
        """Runs start: judged by the state of their instance, tagged, and written down."""
        runs = runs.take(self.fleet["active"][runs["instance"]] | runs["user"])
        runs = runs.take(np.lexsort((runs["start"], runs["instance"])))
        fault = self.fleet["fault"][runs["instance"]]
        broken = fault > 0
        if broken.any():
            checked = runs["start"] + fails_after("") + (runs["end"] - runs["start"]) % (5 * SECOND)
            runs["end"] = np.where(broken, checked, runs["end"])
            runs["status"] = np.where(broken, FAILED, runs["status"])
            runs["fault"] = np.where(broken, fault, runs["fault"])
            runs["cause"] = np.where(broken, self.fleet["why"][runs["instance"]], runs["cause"])
        runs = self._one_at_a_time(runs)
        if len(runs):
            self._tag(runs)
            self._write(runs)

    def _one_at_a_time(self, runs: Table) -> Table:
        """Without the runs that would begin while another of their instance is going: those do not happen."""
        instance, start, end = (runs[name] for name in ("instance", "start", "end"))
        if not len(runs):
            return runs
        first = np.concatenate([[True], instance[1:] != instance[:-1]])
        busy = np.where(first, self.fleet["busy"][instance], np.concatenate([end[:1], end[:-1]]))
        clashing = np.unique(instance[start < busy])
        keep = np.ones(len(runs), bool)
        for one in clashing.tolist():
            free = int(self.fleet["busy"][one])
            holder = int(self.fleet["holder"][one])
            for row in np.flatnonzero(instance == one).tolist():
                if start[row] < free:
                    keep[row] = False
                    runs["cause"][row] = holder if runs["cause"][row] < 0 else runs["cause"][row]
                else:
                    free, holder = int(end[row]), int(runs["cause"][row])
        if not keep.all():
            self.skipped.append(runs.take(~keep))
            runs = runs.take(keep)
        last = np.append(runs["instance"][1:] != runs["instance"][:-1], True)[: len(runs)]
        self.fleet["busy"][runs["instance"][last]] = runs["end"][last]
        self.fleet["holder"][runs["instance"][last]] = runs["cause"][last]
        return runs

    def _tag(self, runs: Table) -> None:
        scheduled, done = ~runs["user"], runs["status"] == DONE
        instance, day = runs["instance"], runs["day"]
        before = tagging.last_success(instance, day, scheduled & done, self.fleet["day"][instance])
        chosen = self.tags.chosen(runs["choice"][scheduled], day[scheduled], before[scheduled])
        runs["tag"][scheduled] = chosen
        np.maximum.at(self.fleet["day"], instance[scheduled & done], day[scheduled & done])

    def _write(self, runs: Table) -> None:
        self.jobs.add(runs)
        touched = runs["cause"] >= 0
        if touched.any():
            self.witness.append(runs.take(touched))
        self.points.add(self.points_of(runs))

    def points_of(self, runs: Table) -> Table:
        """The recovery points that runs left, also those that have gone since."""
        made = runs.take(runs["status"] == DONE)
        created = made["start"] + _CREATED.pick(self._draw(made, "created", "start"))
        expiry = self.tags.expiries(made["tag"], created) + made["kept"]
        points = {name: made[name] for name in ("instance", "policy", "start", "tag")}
        points |= {"created": created, "time": created + _VISIBLE.pick(self._draw(made, "visible", "start"))}
        points |= {"expiry": expiry, "gone": expiry + made["linger"], "life": self.fleet["life"][made["instance"]]}
        points |= {"byHand": np.zeros(len(made), bool)}
        return Table(points)

    def _duration(self, runs: Table) -> streams.Ticks:
        factor = _DURATION.pick(self._draw(runs, "duration"))
        ticks = self.fleet["median"][runs["instance"]] * factor // 1000
        return ticks + (self._draw(runs, "fraction") % np.uint64(SECOND)).astype(np.int64)

    def _draw(self, runs: Table, event: str, moment: str = "due") -> streams.Keys:
        return streams.draw(self.seed, self.fleet["key"][runs["instance"]], event, runs[moment])

    def _of(self, policy: int) -> NDArray[np.int64]:
        """The active instances of a policy."""
        if self._members is None or len(self._members) != len(self.plans):
            active = np.flatnonzero(self.fleet["active"])
            order = active[np.argsort(self.fleet["policy"][active], kind="stable")]
            edges = np.searchsorted(self.fleet["policy"][order], np.arange(len(self.plans) + 1))
            self._members = [order[low:high] for low, high in pairwise(edges.tolist())]
        return self._members[policy]
