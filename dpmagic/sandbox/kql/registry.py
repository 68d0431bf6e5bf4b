"""Our SQL put into duckdb-kql's tables of functions, under names with a prefix of ours."""

from __future__ import annotations

from .aggregates import AGGREGATES, BOXED, VARIANTS
from .functions import HELPERS, PREFIX, SCALARS

_registered = False


def register() -> None:
    """Add our SQL to duckdb-kql's tables under prefixed names, once."""
    global _registered
    if _registered:
        return
    from duckdb_kql.translate import functions as registry

    for name, function in SCALARS.items():
        if function.sql is not None:
            arity = tuple(range(len(function.required), len(function.required + function.optional) + 1))
            spec = registry.FunctionSpec(PREFIX + name, "template", function.sql, () if function.repeats else arity)
            registry.SCALAR_FUNCTIONS[spec.name] = spec
    for name, (sql, count) in HELPERS.items():
        registry.SCALAR_FUNCTIONS[PREFIX + name] = registry.FunctionSpec(
            PREFIX + name, "template", sql, (count,) if count else ()
        )
    variants = {f"{name}_{kind}": aggregate for (name, kind), aggregate in VARIANTS.items()}
    for name, aggregate in (AGGREGATES | variants).items():
        registry.AGGREGATE_FUNCTIONS[PREFIX + name] = registry.AggregateSpec(PREFIX + name, aggregate.sql)
    for name, sql in BOXED.items():
        registry.AGGREGATE_FUNCTIONS[PREFIX + name] = registry.AggregateSpec(PREFIX + name, sql)
    _registered = True
