"""What is read without the parser comes out as the parser has it, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from duckdb_kql.errors import KqlError
from duckdb_kql.ir import Query
from duckdb_kql.lower import lower
from hypothesis import given, settings
from hypothesis import strategies as st

from dpmagic.sandbox.kql import plain, run
from dpmagic.sandbox.kql.model import words
from dpmagic.sandbox.kql.tokens import tokens

NOW = datetime(2026, 11, 10, tzinfo=UTC)
FEW = settings(max_examples=60, deadline=None)

QUERIES = [
    "resources",
    "Resources | count // of all",
    "resources | where type =~ 'a/b' and (name != \"c\" or not_so has 'd') | project id, n = tostring(tags.owner)",
    "jobs | where at >= datetime(2026-03-02T08:00:00.1234567Z) and at < datetime(2026-03-03) | take 5 | limit 7",
    "jobs | extend s = (endTime - startTime) / 1s, t = -1 * bin(x, 1d) + 2.5 % 3 | where s > 0.5h",
    "jobs | summarize n = count(), max(s), countif(ok == true) by bin(at, 1h), status | order by n desc, status asc",
    "jobs | summarize by status | sort by status | top 3 by n nulls last",
    "jobs | where s in ('a', 'b') or s !in~ ('c') or s !contains_cs 'd' or n between (1 .. 2)",
    "jobs | where n !between ((3) .. (x + 1))",
    "jobs | where s has_any ('a', 'b') or s matches regex 'a\\\\d' or s <> 'it\\'s' or isnull(real(null))",
    "jobs | project ['odd name'] = properties['odd member'][0].more[-1], x = parse_json(s).a, ['kind']",
    "jobs | mv-expand errorDetails | mv-expand e = errorDetails, f = array_concat(a, b) | project e.code",
    "jobs | join kind=leftouter (vaults | where a == 'b' | project id, x) on id, x | join (a | take 1) on ['kind']",
    "jobs | extend d = case(a > 1, 'x', b < 2, \"y\", 'z') | distinct d, id",
]


def theirs(text: str) -> Query | None:
    """The query that duckdb-kql makes of a text; None where it refuses it."""
    try:
        return lower(text)
    except (KqlError, RecursionError):
        return None


@pytest.mark.parametrize("query", QUERIES)
def test_plain_queries_are_read_as_by_the_parser(query: str) -> None:
    assert plain.read(query) == lower(query)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "resources |",
        "resources | where type",
        "resources | where type == 'a' == 'b'",
        "resources | where (type == 'a'",
        "resources | project name name",
        "resources | extend x = table()",
        "resources | take x",
        "let n = 5; resources | take n",
        "resources | project x = 'a' 'b', y = @'c', z = h'd'",
        "resources | project a.b(), 1.x, 0x1F, 1e3, 5 kg",
        "resources | mv-expand f(x) | mv-expand e to typeof(long) | mv-expand kind=bag e limit 5",
        "resources | mv-expand f(x)",
        "resources | join kind=leftanti (resources) on id",
        "resources | join kind=inner (resources) on $left.a == $right.b",
        "resources | project database, print, count, bin",
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(query: str) -> None:
    assert plain.read(query) in (None, theirs(query))


def test_a_key_whose_name_holds_the_name_of_an_order_is_ordered_as_written() -> None:
    rows = {"resources": [{"id": f"/{letter}", "name": letter} for letter in "bca"]}
    query = "resources | project description = name, cascade = name | order by {} | project cascade"
    for keys, expected in (
        ("description asc", "abc"),
        ("description", "cba"),
        ("cascade", "cba"),
        ("cascade asc", "abc"),
    ):
        assert "".join(row[0] for row in run(query.format(keys), rows, NOW).rows) == expected, keys


names = st.sampled_from(["id", "name", "tags", "properties", "x", "bin", "['kind']", "hidden", "list", "set", "Type"])
values = st.one_of(
    names,
    st.sampled_from(
        [
            "'t'",
            '"t"',
            "'\\n'",
            "1",
            "0",
            "2.50",
            "1d",
            "1.5h",
            "true",
            "datetime(2026-01-02)",
            "real(null)",
            "long( null )",
        ]
    ),
)
operators = st.sampled_from(
    sorted(words("== != <> =~ !~ < <= > >= + - * / % and or has !has contains_cs startswith !endswith hasprefix"))
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, inner, operators, inner),
        st.builds("({})".format, inner),
        st.builds("{}.{}".format, names, names),
        st.builds("{}[{}]".format, names, inner),
        st.builds("f({}, {})".format, inner, inner),
        st.builds("not({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("{} in ({}, {})".format, inner, inner, inner),
        st.builds("{} !in~ ({})".format, inner, inner),
        st.builds("{} between ({} .. {})".format, inner, inner, inner),
    )


expressions = st.recursive(values, _larger, max_leaves=6)
stages = st.one_of(
    st.builds("where {}".format, expressions),
    st.builds("extend {} = {}, {}".format, names, expressions, expressions),
    st.builds("project {}, y = {}".format, expressions, expressions),
    st.builds("summarize n = count(), {} by {}".format, expressions, expressions),
    st.builds("order by {}{}".format, expressions, st.sampled_from(["", " asc", " desc", " desc nulls first"])),
    st.builds("distinct {}, {}".format, names, names),
    st.builds("mv-expand {} = {}, {}".format, names, expressions, expressions),
    st.builds("join kind={} (disks | where {}) on id".format, st.sampled_from(["inner", "leftsemi"]), expressions),
    st.sampled_from(["take 3", "count", "top 2 by id asc"]),
)
queries = st.lists(stages, min_size=1, max_size=2).map(lambda found: " | ".join(["resources", *found]))


@FEW
@given(queries)
def test_any_query_is_read_as_by_the_parser_or_not_at_all(query: str) -> None:
    found = plain.read(query)
    assert found is None or found == theirs(query)


@FEW
@given(st.sampled_from(QUERIES), st.data())
def test_a_slip_is_not_read_as_something_else(query: str, data: st.DataObject) -> None:
    said = [token.text for token in tokens(query)]
    place = data.draw(st.integers(0, len(said) - 1))
    another = data.draw(st.sampled_from(["", *said, "(", ")", "!", "~", "=", ".", ",", "|"]))
    glue = data.draw(st.sampled_from(["", " "]))
    slip = glue.join([*said[:place], another, *said[place + data.draw(st.integers(0, 1)) :]])
    found = plain.read(slip)
    assert found is None or found == theirs(slip)
