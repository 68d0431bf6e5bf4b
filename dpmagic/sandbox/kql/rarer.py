"""Kusto's rarer scalar functions, in the notation of ``functions``."""

from __future__ import annotations

from .model import words

_LIST, _LIST1, _LIST2 = (f"CAST({{{place}}} AS JSON[])" for place in range(3))
_TEXTS = "CAST({0} AS VARCHAR[])"


def _address(argument: str) -> str:
    """The number of an IPv4 address, a prefix behind it left out; null for anything else."""
    parts = f"string_split(split_part({argument}, '/', 1), '.')"
    number = f"list_reduce(list_transform({parts}, lambda _o: TRY_CAST(_o AS BIGINT)), lambda _a, _b: _a * 256 + _b)"
    return f"(CASE WHEN len({parts}) = 4 THEN {number} END)"


def _prefix(argument: str) -> str:
    return f"coalesce(TRY_CAST(nullif(split_part({argument}, '/', 2), '') AS INTEGER), 32)"


_SHORTER = f"(32 - least({_prefix('{0}')}, {_prefix('{1}')}))"
_SAME_NET = f"(({_address('{0}')} >> {_SHORTER}) = ({_address('{1}')} >> {_SHORTER}))"
_COMPARED = f"sign(({_address('{0}')} >> {_SHORTER}) - ({_address('{1}')} >> {_SHORTER}))"
_PRIVATE = " OR ".join(
    f"({_address('{0}')} >> {32 - bits}) = {number >> (32 - bits)}"
    for number, bits in ((0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16))
)
_TURN = f"((CAST({{1}} AS BIGINT) % len({_LIST}) + len({_LIST})) % len({_LIST}))"
_NULLS = f"list_transform(range(least(abs(CAST({{1}} AS BIGINT)), len({_LIST}))), lambda _i: CAST(NULL AS JSON))"
_LEFT = f"list_concat(list_slice({_LIST}, CAST({{1}} AS BIGINT) + 1, len({_LIST})), {_NULLS})"
_RIGHT = f"list_concat({_NULLS}, list_slice({_LIST}, 1, len({_LIST}) + CAST({{1}} AS BIGINT)))"

RARER: dict[str, tuple[str] | tuple[str, str]] = {
    # angles and powers
    **dict.fromkeys(
        ["acos", "asin", "atan", "cos", "cot", "degrees", "exp10", "exp2", "gamma", "radians", "sin", "tan"], ("r n",)
    ),
    "atan2": ("r nn",),
    "pi": ("r ",),
    # bits and bases
    "binary_not": ("l l",),
    "binary_shift_left": ("l ll",),
    "binary_shift_right": ("l ll",),
    "bitset_count_ones": ("l l", "bit_count(CAST({0} AS BIGINT))"),
    "tohex": ("s l", "lower(hex(CAST({0} AS BIGINT)))"),
    "hash_sha1": ("s s",),
    # text
    "isascii": ("b s", r"regexp_full_match({0}, '[\x00-\x7F]*')"),
    "isutf8": ("b s", "true"),
    "has_any_index": (
        "l sj",
        "coalesce(list_position(list_transform(CAST({1} AS VARCHAR[]), "
        "lambda _w: contains(lower({0}), lower(_w))), true), 0) - 1",
    ),
    # addresses
    "parse_ipv4": ("l s", _address("{0}")),
    "ipv4_compare": ("l ss", _COMPARED),
    "ipv4_is_match": ("b ss", _SAME_NET),
    "ipv4_is_in_range": ("b ss", _SAME_NET),
    "ipv4_is_private": ("b s", f"({_PRIVATE})"),
    "ipv4_netmask_suffix": ("l s", _prefix("{0}")),
    "has_ipv4": ("b ss", "list_contains(regexp_extract_all({0}, '[0-9.]+'), {1})"),
    # dynamic
    "gettype": ("s x",),
    "zip": ("j jj",),
    "repeat": ("j vn", "to_json(list_transform(range(CAST({1} AS BIGINT)), lambda _i: {0}))"),
    "array_shift_left": ("j jn", f"to_json(CASE WHEN {{1}} >= 0 THEN {_LEFT} ELSE {_RIGHT} END)"),
    "array_rotate_left": (
        "j jn",
        f"to_json(list_concat(list_slice({_LIST}, {_TURN} + 1, len({_LIST})), list_slice({_LIST}, 1, {_TURN})))",
    ),
    "array_iff": (
        "j jvv",
        "to_json(list_transform(range(1, len(CAST({0} AS BOOLEAN[])) + 1), lambda _i: CASE WHEN "
        f"CAST({{0}} AS BOOLEAN[])[_i] THEN {_LIST1}[_i] ELSE {_LIST2}[_i] END))",
    ),
    "set_equals": (
        "b jj",
        f"(list_sort(list_distinct({_TEXTS})) = list_sort(list_distinct(CAST({{1}} AS VARCHAR[]))))",
    ),
    "jaccard_index": (
        "r jj",
        f"(len(list_intersect({_LIST}, {_LIST1})) / len(list_distinct(list_concat({_LIST}, {_LIST1}))))",
    ),
    "bag_set_key": ("j jsv", "json_merge_patch({0}, json_object({1}, {2}))"),
    "bag_zip": ("j jj", f"to_json(map({_TEXTS}, {_LIST1}))"),
    # time
    "unixtime_microseconds_todatetime": ("d n", "make_timestamp(CAST({0} AS BIGINT))"),
    "unixtime_nanoseconds_todatetime": ("d n", "make_timestamp(CAST({0} AS BIGINT) // 1000)"),
}
#: Functions that Kusto has and the sandbox does not run.
NOT_RUN = words(
    """array_split base64_decode_toarray base64_encode_fromarray bin_auto convert_angle convert_energy convert_force
    convert_length convert_mass convert_speed convert_temperature convert_volume datetime_list_timezones
    datetime_local_to_utc datetime_utc_to_local estimate_data_size format_bytes format_ipv4 format_ipv4_mask
    gzip_compress_to_base64_string gzip_decompress_from_base64_string has_any_ipv4 has_any_ipv4_prefix has_ipv4_prefix
    hash hash_combine hash_many hash_xxhash64 indexof_regex ipv4_is_in_any_range ipv4_range_to_cidr_list ipv6_compare
    ipv6_is_in_range ipv6_is_match make_string parse_command_line parse_csv parse_ipv4_mask parse_ipv6 parse_ipv6_mask
    parse_path parse_urlquery parse_user_agent parse_version parse_xml replace_strings to_utf8 translate treepath
    unicode_codepoints_from_string unicode_codepoints_to_string url_encode_component xml
    percentilew percentilesw percentilesw_array buildschema covariance covarianceif covariancep covariancepif
    hll hll_if hll_merge tdigest tdigest_merge dcount_hll percentile_tdigest rank_tdigest"""
)
