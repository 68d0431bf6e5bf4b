"""The functions of Resource Graph's KQL: their types and, where duckdb-kql has none or another, their SQL.

A signature reads ``"result arguments"`` in letters: ``s`` string, ``l`` long, ``i`` int, ``r`` real, ``b`` bool,
``d`` datetime, ``t`` timespan, ``j`` dynamic, ``g`` guid, ``n`` any number, ``k`` a constant left as it is, ``x``
anything left as it is, ``v`` anything made dynamic; as a result, ``0`` is the type of the first argument. A last
``*`` repeats the letter before it; arguments behind ``/`` may be left out.

SQL of our own is registered with duckdb-kql under a name with the prefix ``rg_``, which no query can shadow
and which leaves plain duckdb-kql as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import KustoType, words
from .rarer import RARER

PREFIX = "rg_"

TYPES: dict[str, KustoType] = {
    "s": "string",
    "l": "long",
    "i": "int",
    "r": "real",
    "b": "bool",
    "d": "datetime",
    "t": "timespan",
    "j": "dynamic",
    "g": "guid",
}

_LIST = "CAST({0} AS JSON[])"
_LIST1 = "CAST({1} AS JSON[])"
#: Numbers by value, then everything by its text: DuckDB alone would order JSON by its text ('5' > '200').
_SORTED = (
    f"list_transform(list_sort(list_transform({_LIST}, "
    "lambda _e: {{'n': TRY_CAST(_e ->> '$' AS DOUBLE), 't': _e ->> '$', 'v': _e}})), lambda _e: _e.v)"
)
#: A merge patch that holds null for each key removes it.
_WITHOUT_KEYS = (
    "json_merge_patch(coalesce({0}, CAST('{{}}' AS JSON)), CAST('{{' || array_to_string("
    "list_transform(CAST({1} AS VARCHAR[]), lambda _k: CAST(to_json(_k) AS VARCHAR) || ':null'), ',') "
    "|| '}}' AS JSON))"
)
#: A .NET TimeSpan keeps 100 ns; DuckDB keeps microseconds, so the seventh digit is dropped.
_TIMESPAN = (
    "list_transform([regexp_extract({0}, "
    r"'^\s*(-?)(?:(\d+)\.)?(\d{{1,2}}):(\d{{1,2}})(?::(\d{{1,2}})(?:\.(\d{{1,6}})\d*)?)?\s*$', "
    "['sign', 'd', 'h', 'm', 's', 'f'])], lambda _p: CASE WHEN _p.h = '' THEN NULL ELSE to_microseconds(CAST("
    "(CASE _p.sign WHEN '-' THEN -1 ELSE 1 END) * (((coalesce(TRY_CAST(_p.d AS HUGEINT), 0) * 24 "
    "+ CAST(_p.h AS HUGEINT)) * 60 + CAST(_p.m AS HUGEINT)) * 60 + coalesce(TRY_CAST(_p.s AS HUGEINT), 0)) "
    "* 1000000 + (CASE _p.sign WHEN '-' THEN -1 ELSE 1 END) "
    "* coalesce(TRY_CAST(rpad(_p.f, 6, '0') AS HUGEINT), 0) AS BIGINT)) END)[1]"
)


@dataclass(frozen=True)
class Function:
    """One scalar function: the type of its result, the letters of its arguments, and its SQL if it is ours."""

    result: str
    required: str
    optional: str
    repeats: bool
    sql: str | None

    def letter(self, index: int) -> str | None:
        """What the argument at ``index`` is read as; None when there is no such argument."""
        letters = self.required + self.optional
        if index < len(letters):
            return letters[index]
        return letters[-1] if self.repeats else None


def _function(signature: str, sql: str | None = None) -> Function:
    result, _, arguments = signature.partition(" ")
    repeats = arguments.endswith("*")
    required, _, optional = arguments.removesuffix("*").partition("/")
    return Function(result, required, optional, repeats, sql)


SCALARS: dict[str, Function] = {
    name: _function(*row)
    for name, row in {
        # text
        "strlen": ("l s", "length({0})"),
        "string_size": ("l s", "octet_length(encode({0}))"),
        "tolower": ("s s", "lower({0})"),
        "toupper": ("s s", "upper({0})"),
        "substring": ("s sn/n",),
        "trim": ("s ks",),
        "trim_start": ("s ks",),
        "trim_end": ("s ks",),
        "strcat": ("s ss*", "concat({})"),
        "strcat_delim": ("s ss*", "concat_ws({})"),
        "strcat_array": ("s js",),
        "strrep": ("s sn/s",),
        "strcmp": ("l ss", "CASE WHEN {0} < {1} THEN -1 WHEN {0} > {1} THEN 1 ELSE 0 END"),
        "reverse": ("s s",),
        "replace_string": ("s sss",),
        "replace_regex": ("s sks",),
        "indexof": ("l ss",),
        "countof": ("l ss/k",),
        "extract_all": ("j ks",),
        "split": ("j ss/n", "to_json(string_split({0}, {1}))"),
        "isempty": ("b s", "({0} IS NULL OR {0} = '')"),
        "isnotempty": ("b s", "({0} IS NOT NULL AND {0} <> '')"),
        "base64_encode_tostring": ("s s",),
        "base64_decode_tostring": ("s s",),
        "url_encode": ("s s", "url_encode({0})"),
        "url_decode": ("s s", "url_decode({0})"),
        "parse_url": ("j s",),
        "hash_md5": ("s s",),
        "hash_sha256": ("s s",),
        # conversions
        "tostring": ("s s", "{0}"),
        "totimespan": ("t x", _TIMESPAN),
        "toguid": ("g s",),
        # dynamic
        "parse_json": ("j x", "coalesce(TRY_CAST({0} AS JSON), to_json({0}))"),
        "dynamic_to_json": ("s j", "CAST({0} AS VARCHAR)"),
        "extract_json": ("s ks", "coalesce(json_extract_string(TRY_CAST({1} AS JSON), {0}), '')"),
        "array_length": ("l j",),
        "array_concat": ("j j*",),
        "array_index_of": ("l jv",),
        "array_slice": ("j jnn",),
        "array_sort_asc": ("j j", f"to_json({_SORTED})"),
        "array_sort_desc": ("j j", f"to_json(list_reverse({_SORTED}))"),
        "array_reverse": ("j j",),
        "array_sum": ("r j",),
        "pack_array": ("j v*", "json_array({})"),
        "bag_pack": ("j v*", "json_object({})"),
        "bag_keys": ("j j", "to_json(json_keys({0}))"),
        "bag_has_key": ("b js", "coalesce(list_contains(json_keys({0}), {1}), false)"),
        "bag_merge": (
            "j jj",
            "json_merge_patch(coalesce({1}, CAST('{{}}' AS JSON)), coalesce({0}, CAST('{{}}' AS JSON)))",
        ),
        "bag_remove_keys": ("j jj", _WITHOUT_KEYS),
        "set_union": ("j jj", f"to_json(list_distinct(list_concat({_LIST}, {_LIST1})))"),
        "set_intersect": ("j jj", f"to_json(list_intersect({_LIST}, {_LIST1}))"),
        "set_difference": (
            "j jj",
            f"to_json(list_distinct(list_filter({_LIST}, lambda _e: NOT list_contains({_LIST1}, _e))))",
        ),
        "set_has_element": ("b jv",),
        # numbers
        "abs": ("0 n",),
        "round": ("r n/n",),
        "ceiling": ("r n",),
        "sign": ("r n", "CAST(sign({0}) AS DOUBLE)"),
        "exp": ("r n",),
        "log": ("r n",),
        "log2": ("r n",),
        "log10": ("r n",),
        "sqrt": ("r n",),
        "pow": ("r nn",),
        "isnan": ("b r",),
        "isinf": ("b r",),
        "isfinite": ("b r",),
        "binary_and": ("l ll",),
        "binary_or": ("l ll",),
        "binary_xor": ("l ll",),
        # time
        "now": ("d /t",),
        "ago": ("d t",),
        "datetime_diff": ("l kdd",),
        "datetime_add": ("d knd",),
        "datetime_part": ("l kd",),
        "getyear": ("l d",),
        "getmonth": ("l d",),
        "monthofyear": ("l d",),
        "dayofmonth": ("l d",),
        "dayofyear": ("l d",),
        "hourofday": ("l d",),
        "week_of_year": ("l d",),
        "dayofweek": ("t d",),
        "startofday": ("d d/n",),
        "startofweek": ("d d/n",),
        "startofmonth": ("d d/n",),
        "startofyear": ("d d/n",),
        "endofday": ("d d/n",),
        "endofweek": ("d d/n",),
        "endofmonth": ("d d/n",),
        "endofyear": ("d d/n",),
        "format_datetime": ("s dk",),
        "make_datetime": ("d n*",),
        "make_timespan": ("t n*",),
        "unixtime_seconds_todatetime": ("d n", "make_timestamp(CAST({0} * 1000000 AS BIGINT))"),
        "unixtime_milliseconds_todatetime": ("d n", "make_timestamp(CAST({0} * 1000 AS BIGINT))"),
        **RARER,
    }.items()
}

ALIASES = {
    "todynamic": "parse_json",
    "pack": "bag_pack",
    "packarray": "pack_array",
    "pack_dictionary": "bag_pack",
    "extractjson": "extract_json",
    "iif": "iff",
    "weekofyear": "week_of_year",
    "makelist": "make_list",
    "makeset": "make_set",
    "any": "take_any",
    "anyif": "take_anyif",
    "notempty": "isnotempty",
    "columnifexists": "column_ifexists",
    "array_iif": "array_iff",
    "arraylength": "array_length",
    "floor": "bin",
}

#: Kusto functions that need the order of rows or the network: Resource Graph has none of them.
FOREIGN_FUNCTIONS = words(
    "row_number row_cumsum row_rank_dense row_rank_min row_window_session prev next rand new_guid cursor_after "
    "cursor_before_or_at cursor_current ingestion_time extent_id extent_tags current_principal "
    "current_principal_details current_principal_is_member_of current_cluster_endpoint current_database "
    "external_table stored_query_result database cluster table materialized_view"
)
#: And families of them, for series and maps.
FOREIGN_FAMILIES = ("series_", "geo_")

#: Helpers that only the rewriting writes, with how many arguments they take (0: any). A literal brace is doubled.
HELPERS: dict[str, tuple[str, int]] = {
    "same": ("{0}", 1),
    "micros": ("epoch_us({0})", 1),
    **{f"shred_{kind}": ("{1}", 2) for kind in ("string", "long", "real", "bool", "datetime")},
    "present": ("nullif({0}, CAST('null' AS JSON))", 1),
    "text": ("coalesce({0} ->> '$', '')", 1),
    "number": ("TRY_CAST({0} ->> '$' AS DOUBLE)", 1),
    "json": ("to_json({0})", 1),
    "json_or_null": ("CAST({0} AS JSON)", 1),
    "real": ("CAST({0} AS DOUBLE)", 1),
    "long": ("CAST({0} AS BIGINT)", 1),
    "string": ("CAST({0} AS VARCHAR)", 1),
    "filled": ("coalesce({0}, '')", 1),
    "divide": ("(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE))", 2),
    "ratio": ("(epoch({0}) / epoch({1}))", 2),
    "share": ("to_microseconds(CAST(trunc(epoch_us({0}) / {1}) AS BIGINT))", 2),
    "times": ("to_microseconds(CAST(trunc(epoch_us({0}) * {1}) AS BIGINT))", 2),
    "in_array": ("coalesce(list_contains(CAST({1} AS VARCHAR[]), {0}), false)", 2),
    "in_array_ci": (
        "coalesce(list_contains(list_transform(CAST({1} AS VARCHAR[]), lambda _e: lower(_e)), lower({0})), false)",
        2,
    ),
    "element": ("to_json(list_extract(string_split({0}, {1}), CAST({2} AS BIGINT) + 1))", 3),
    "member": ("json_extract({0}, '/' || replace(replace({1}, '~', '~0'), '/', '~1'))", 2),
    "extract": ("coalesce(regexp_extract({2}, {0}, CAST({1} AS INTEGER)), '')", 3),
    "range": ("to_json(generate_series({0}, {1}, {2}))", 3),
    "unless_empty": ("nullif({0}, '')", 1),
    "first": ("coalesce({})", 0),
    "bag_present": (
        "CAST(map_from_entries(list_filter(map_entries(CAST({0} AS MAP(VARCHAR, JSON))), "
        "lambda _e: _e.value IS NOT NULL AND CAST(_e.value AS VARCHAR) NOT IN ('null', '\"\"'))) AS JSON)",
        1,
    ),
    "parsed": (
        "CASE WHEN json_type({0}) = 'VARCHAR' THEN coalesce(TRY_CAST({0} ->> '$' AS JSON), {0}) ELSE {0} END",
        1,
    ),
    "bin_time": (
        "make_timestamp(CAST(floor(epoch_us({0}) / epoch_us({1})) AS BIGINT) * epoch_us({1}))",
        2,
    ),
    "bin_span": (
        "to_microseconds(CAST(floor(epoch_us({0}) / epoch_us({1})) AS BIGINT) * epoch_us({1}))",
        2,
    ),
    "bin_long": ("({0} - ((({0} % {1}) + {1}) % {1}))", 2),
    "bin_real": ("(floor(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE)) * CAST({1} AS DOUBLE))", 2),
    "span_field": ("lpad(CAST((abs(epoch_us({0})) // {1}) % {2} AS VARCHAR), CAST({3} AS INTEGER), '0')", 4),
    "span_fraction": (
        "left(lpad(CAST(abs(epoch_us({0})) % 1000000 AS VARCHAR), 6, '0') || '0', CAST({1} AS INTEGER))",
        2,
    ),
}
