"""What Resource Graph's KQL has and plain duckdb-kql lacks: added to its functions, or written out before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

from dpmagic.graph.tokens import CLOSING, OPENING, Token, tokens

MOST = "_most"
"""What names of aggregates that gather at most so many values end in."""

# How what is summed is written: of numbers alone.  Of a type that no query has, to tell it from a query's own sum.
_SUMMED = "sum(({0}) + 0::UTINYINT)"
_IS_TIME = "to_timestamp("  # how the translation of a bin of instants begins
_LISTS = ("project-keep", "project-away", "project-reorder")


@cache
def register() -> None:
    """Add aggregates and functions to duckdb-kql's, once."""
    from duckdb_kql import translate
    from duckdb_kql.translate import functions as known

    _only_instants(translate)
    aggregates = known.AGGREGATE_FUNCTIONS
    # The order of a set is nobody's promise; sorted, an archive gives the same answer each time.
    plain = aggregates["make_set"].template
    chosen = plain.replace("IS NOT NULL", "IS NOT NULL AND {1}")
    sets: dict[str, tuple[str, tuple[int, ...]]] = {"make_set": (plain, (1, 2)), "make_set_if": (chosen, (2, 3))}
    for name, (sql, arities) in sets.items():
        text = f"to_json(list_sort(CAST({sql} AS JSON[])))"
        aggregates[name] = known.AggregateSpec(name, text, arities, "set")
    picked: dict[str, tuple[str, tuple[int, ...], str | None]] = {
        "make_list_if": ("coalesce(list({0}) FILTER (WHERE {0} IS NOT NULL AND {1}), [])", (2, 3), "list"),
        "minif": ("min({0}) FILTER (WHERE {1})", (2,), None),
        "maxif": ("max({0}) FILTER (WHERE {1})", (2,), None),
        "count_distinct": ("count(DISTINCT {0})", (1,), None),
        "count_distinctif": ("count(DISTINCT {0}) FILTER (WHERE {1})", (2,), None),
    }
    for name, (sql, arities, prefix) in picked.items():
        aggregates[name] = known.AggregateSpec(name, sql, arities, prefix)
    # With at most so many; plain duckdb-kql takes the number and heeds it not.
    for name, arity in {"make_list": 1, "make_set": 1, "make_list_if": 2, "make_set_if": 2}.items():
        spec = aggregates[name]
        sql = f"to_json(list_slice(CAST(to_json({spec.template}) AS JSON[]), 1, {{{arity}}}))"
        aggregates[f"{name}{MOST}"] = known.AggregateSpec(f"{name}{MOST}", sql, (arity + 1,), spec.name_prefix)
    for name in ("sum", "sumif"):  # DuckDB adds up what is true or false, Kusto does not
        spec = aggregates[name]
        aggregates[name] = replace(spec, template=spec.template.replace("sum({0})", _SUMMED))
    for old, new in {"makeset": "make_set", "makelist": "make_list"}.items():
        aggregates[old] = aggregates[new]
    for name, sql in {"bag_keys": "to_json(json_keys({0}))", "string_size": "strlen({0})"}.items():
        known.SCALAR_FUNCTIONS[name] = known.FunctionSpec(name, "template", sql, (1,))


def _only_instants(translate: Any) -> None:
    """Have ``bin(end - start, 1m)`` refused: by their text alone no two columns' difference is known to be a timespan,
    and duckdb-kql makes an instant of 1970 of it."""
    plain = translate.render_bin

    def checked(node: Any, name: str = "bin") -> str:
        made: str = plain(node, name)
        value = translate.render_expr(node.args[0])
        return made.replace(f"epoch({value})", f"epoch(CAST({value} AS TIMESTAMP))", 1) if _IS_TIME in made else made

    translate.render_bin = checked


def listed(kql: str, columns: Callable[[str], Sequence[str]]) -> str:
    """``project-keep`` and its like with the names that their patterns mean.

    ``columns`` gives the names of the columns that a query has: those that are there by then.

    >>> listed("jobs | project-keep a*, id", lambda kql: ["id", "ab", "b"])
    "jobs | project ['id'], ['ab']"
    """
    while (place := _next_list(tokens(kql))) is not None:
        found = tokens(kql)
        end = next((at for at in range(place, len(found)) if found[at].text in ("|", ";")), len(found))
        patterns = _shown(found[place + 1 : end]).split(",")
        stop = found[end - 1].end
        there = columns(kql[: found[place - 1].start])
        kept = _kept(found[place].text, [one.split()[0] for one in patterns if one.strip()], there)
        kql = f"{kql[: found[place].start]}project {', '.join(kept)}{kql[stop:]}"
    return kql


def _kept(operator: str, patterns: Sequence[str], there: Sequence[str]) -> list[str]:
    named = [one for pattern in patterns for one in there if _fits(one, pattern)]
    if operator == "project-reorder":
        kept = list(dict.fromkeys([*named, *there]))
    else:
        kept = [one for one in there if (one in named) == (operator == "project-keep")]
    return [f"['{one}']" for one in kept]


def _fits(name: str, pattern: str) -> bool:
    """Whether a name is one, or begins with one that ends in a star."""
    pattern = pattern.removeprefix("['").removesuffix("']")
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _next_list(found: Sequence[Token]) -> int | None:
    """Where the first such operator outside brackets is; ``project-away`` only where it has a star."""
    depth = 0
    for at, token in enumerate(found):
        depth += (token.text in OPENING) - (token.text in CLOSING)
        if not depth and at and token.text in _LISTS and found[at - 1].text == "|":
            rest = [one.text for one in found[at + 1 :]]
            if token.text != "project-away" or "*" in rest[: rest.index("|") if "|" in rest else None]:
                return at
    return None


def _shown(found: Sequence[Token]) -> str:
    """Tokens as text, with a space where there was one."""
    parts = [after.text if before.end == after.start else f" {after.text}" for before, after in pairwise(found)]
    return "".join([*(one.text for one in found[:1]), *parts])
