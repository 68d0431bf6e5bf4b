"""The text before the parser: tokens, rewritten spellings, and places that lead back to what was typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.sandbox.kql.text import Source
from dpmagic.sandbox.kql.tokens import tokens


@pytest.mark.parametrize(
    ("query", "rewritten"),
    [
        ("resources | where kind == 'x'", "resources | where ['kind'] == 'x'"),
        ("resources | project a.kind, kind", "resources | project a['kind'], ['kind']"),
        ("a | join kind=inner (b) on id", "a | join kind=inner (b) on id"),
        ("a | extend kind = 'inner'", "a | extend ['kind'] = 'inner'"),
        ("a | order by title nulls last", "a | order by ['title'] nulls last"),
        ("a | order by t.cascade, b desc", "a | order by t['ca' 'scade'], b desc"),
        (
            "a | join (b | top 1 by description) on description",
            "a | join (b | top 1 by ['d' 'escription']) on description",
        ),
        ("a | where time == time(1d)", "a | where ['time'] == time(1d)"),
        ("a | project-keep x, *Id", "a | project-away ['project-keep'], x, ['*Id']"),
        ("a | project-away * | count", "a | project-away ['*'] | count"),
        ("a | distinct *", "a | distinct ['*']"),
        ("a | sample 5", "a | take 5"),
        ("where id == ''", "resources | where id == ''"),
        ("a | summarize count(tolower(id)), n = 1", "a | summarize count(), n = 1"),
        ("a | summarize arg_max(t, n = f(x, y), z)", "a | summarize arg_max(t, named('n', f(x, y)), z)"),
        ("a | where x == 'kind | sample' // kind", "a | where x == 'kind | sample' // kind"),
    ],
)
def test_rewritten(query: str, rewritten: str) -> None:
    assert Source(query).rewritten == rewritten


def test_places_lead_back_over_rewritten_pieces_and_lines() -> None:
    source = Source("where kind == 'a'\n| sample 5 | count")
    line, column = 2, source.rewritten.splitlines()[1].index("count")
    offset = source.original(line, column)
    assert source.word_at(offset) == "count"
    assert source.locate(offset) == (2, 13)


@given(st.text(alphabet="ab1.'\"@\\|()[]=~!<>/*-_ \n", max_size=40))
def test_tokens_cover_everything_but_space_and_comments(text: str) -> None:
    covered = 0
    for token in tokens(text):
        between = text[covered : token.start]
        assert all(line.strip() == "" or line.strip().startswith("//") for line in between.split("\n"))
        assert text[token.start : token.end] == token.text
        covered = token.end


@given(
    st.lists(
        st.sampled_from(
            ["where kind == 'a'", "project-keep id, k*", "sample 5", "extend x = properties.kind", "count"]
        ),
        min_size=1,
        max_size=5,
    )
)
def test_every_token_that_stays_is_found_again(stages: list[str]) -> None:
    text = "resources\n| " + "\n| ".join(stages)
    source = Source(text)
    for token in tokens(source.rewritten):
        line = source.rewritten.count("\n", 0, token.start) + 1
        column = token.start - (source.rewritten.rfind("\n", 0, token.start) + 1)
        found = source.word_at(source.original(line, column))
        if token.text in ("where", "extend", "count", "x", "id", "'a'", "5", "|"):
            assert found == token.text
