"""The aggregates of Resource Graph's KQL: types, SQL and the names that Kusto gives their columns."""

from __future__ import annotations

from dataclasses import dataclass

from .model import KustoType


@dataclass(frozen=True)
class Aggregate:
    """One aggregate: its type, the letters of its arguments, its SQL and how Kusto names its column."""

    result: str
    arguments: str
    sql: str
    prefix: str


#: Sorted, so that one state of the tables gives one answer; the service promises no order.
_DISTINCT = (
    "to_json(coalesce(list_sort(list_distinct(flatten(list(CASE WHEN json_type({0}) = 'ARRAY' THEN CAST({0} AS JSON[]) "
    "ELSE [{0}] END) FILTER (WHERE {0} IS NOT NULL%s)))), []))"
)
_GATHERED = "to_json(coalesce(list({0}) FILTER (WHERE {0} IS NOT NULL%s), []))"
_BAG = (
    "coalesce(list_reduce(list({0}) FILTER (WHERE {0} IS NOT NULL%s), "
    "lambda _a, _b: json_merge_patch(_b, _a)), CAST('{{}}' AS JSON))"
)
_NAN = "CAST('NaN' AS DOUBLE)"
_SUM = "coalesce(sum({0}), 0)"
_SUM_IF = "coalesce(sum({0}) FILTER (WHERE {1}), 0)"


def _span(aggregate: str) -> str:
    return f"to_microseconds(CAST(coalesce({aggregate}(epoch_us({{0}})), 0) AS BIGINT))"


AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate("l", "", "count(*)", "count"),
    "countif": Aggregate("l", "b", "count(*) FILTER (WHERE {0})", "countif"),
    "sum": Aggregate("0", "n", _SUM, "sum"),
    "sumif": Aggregate("0", "nb", _SUM_IF, "sumif"),
    "avg": Aggregate("r", "n", f"coalesce(avg({{0}}), {_NAN})", "avg"),
    "avgif": Aggregate("r", "nb", f"coalesce(avg({{0}}) FILTER (WHERE {{1}}), {_NAN})", "avgif"),
    "min": Aggregate("0", "x", "min({0})", "min"),
    "max": Aggregate("0", "x", "max({0})", "max"),
    "minif": Aggregate("0", "xb", "min({0}) FILTER (WHERE {1})", "minif"),
    "maxif": Aggregate("0", "xb", "max({0}) FILTER (WHERE {1})", "maxif"),
    "stdev": Aggregate("r", "n", "coalesce(stddev_samp({0}), 0.0)", "stdev"),
    "stdevif": Aggregate("r", "nb", "coalesce(stddev_samp({0}) FILTER (WHERE {1}), 0.0)", "stdevif"),
    "variance": Aggregate("r", "n", "coalesce(var_samp({0}), 0.0)", "variance"),
    "varianceif": Aggregate("r", "nb", "coalesce(var_samp({0}) FILTER (WHERE {1}), 0.0)", "varianceif"),
    "stdevp": Aggregate("r", "n", "coalesce(stddev_pop({0}), 0.0)", "stdevp"),
    "variancep": Aggregate("r", "n", "coalesce(var_pop({0}), 0.0)", "variancep"),
    "binary_all_and": Aggregate("l", "l", "coalesce(bit_and({0}), -1)", "binary_all_and"),
    "binary_all_or": Aggregate("l", "l", "coalesce(bit_or({0}), 0)", "binary_all_or"),
    "binary_all_xor": Aggregate("l", "l", "coalesce(bit_xor({0}), 0)", "binary_all_xor"),
    "dcount": Aggregate("l", "x", "count(DISTINCT {0})", "dcount"),
    "dcountif": Aggregate("l", "xb", "count(DISTINCT {0}) FILTER (WHERE {1})", "dcountif"),
    "count_distinct": Aggregate("l", "x", "count(DISTINCT {0})", "count_distinct"),
    "count_distinctif": Aggregate("l", "xb", "count(DISTINCT {0}) FILTER (WHERE {1})", "count_distinctif"),
    "make_list": Aggregate("j", "v", _GATHERED % "", "list"),
    "make_list_if": Aggregate("j", "vb", _GATHERED % " AND {1}", "list"),
    "make_list_with_nulls": Aggregate("j", "v", "to_json(coalesce(list({0}), []))", "list"),
    "make_set": Aggregate("j", "v", _DISTINCT % "", "set"),
    "make_set_if": Aggregate("j", "vb", _DISTINCT % " AND {1}", "set"),
    "make_bag": Aggregate("j", "j", _BAG % "", "bag"),
    "make_bag_if": Aggregate("j", "jb", _BAG % " AND {1}", "bag"),
    "take_any": Aggregate("0", "x", "any_value({0})", "any"),
    "take_anyif": Aggregate("0", "xb", "any_value({0}) FILTER (WHERE {1})", "any"),
    "percentile": Aggregate("0", "nk", "quantile_disc({0}, {1} / 100.0)", "percentile"),
}
#: What an aggregate becomes for an argument of another type.
_NATURAL = "{{'n': TRY_CAST({0} ->> '$' AS DOUBLE), 't': {0} ->> '$'}}"
VARIANTS: dict[tuple[str, KustoType], Aggregate] = {
    ("sum", "timespan"): Aggregate("t", "x", _span("sum"), "sum"),
    ("avg", "timespan"): Aggregate("t", "x", _span("avg"), "avg"),
    ("min", "dynamic"): Aggregate("j", "x", f"arg_min({{0}}, {_NATURAL})", "min"),
    ("max", "dynamic"): Aggregate("j", "x", f"arg_max({{0}}, {_NATURAL})", "max"),
}
#: Aggregates of several columns, which the summarize rewriting takes apart.
SEVERAL = frozenset({"arg_max", "arg_min", "percentiles"})
#: DuckDB's own arg_max steps over rows whose value is null; boxed, they count, as in Kusto.
BOXED = {
    name: f"coalesce({name}({{{{'v': {{0}}}}}}, {{1}}), any_value({{{{'v': {{0}}}}}}))['v']"
    for name in ("arg_max", "arg_min")
}
