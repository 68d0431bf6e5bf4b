"""Names to values, values to words."""

import enum
import json
import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpmagic.errors import LanguageError
from dpmagic.language import Assignment, expand, expand_value, parse


def expanded(text: str, **names: object) -> list[str]:
    (statement,) = parse(f"show {text}")
    return expand(statement.words, names)[1:]


def assigned(text: str, **names: object) -> object:
    (assignment,) = parse(f"x = {text}")
    assert isinstance(assignment, Assignment)
    return expand_value(assignment.value, names)


def refused(text: str, **names: object) -> LanguageError:
    with pytest.raises(LanguageError) as caught:
        expanded(text, **names)
    assert caught.value.hint
    return caught.value


class Colour(str, enum.Enum):  # noqa: UP042 (the older spelling is the one whose str() differs)
    RED = "red"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("a b", "a b"),
        ("", ""),
        (Colour.RED, "red"),
        (3, "3"),
        (np.int64(3), "3"),
        (1.5, "1.5"),
        (np.float64(1.5), "1.5"),
        (np.float32(0.5), "0.5"),
        (True, "true"),
        (np.bool_(False), "false"),
        (np.str_("x"), "x"),
        (Decimal("1.10"), "1.10"),
        (PurePosixPath("a/b.json"), "a/b.json"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (date(2024, 5, 1), "2024-05-01"),
        (datetime(2024, 5, 1, 10), "2024-05-01T10:00:00Z"),
        (datetime(2024, 5, 1, 10, tzinfo=timezone(timedelta(hours=2))), "2024-05-01T08:00:00Z"),
        (datetime(2024, 5, 1, 10, 0, 0, 5, tzinfo=UTC), "2024-05-01T10:00:00.000005Z"),
        (pd.Timestamp("2024-05-01T10:00", tz="UTC"), "2024-05-01T10:00:00Z"),
        (pd.Timestamp("2024-05-01T10:00", tz="Europe/Berlin"), "2024-05-01T08:00:00Z"),
        (np.datetime64("2024-05-01T10:00:00", "ns"), "2024-05-01T10:00:00Z"),
        (np.array(5), "5"),
        (timedelta(days=7), "P7D"),
        (timedelta(hours=4), "PT4H"),
        (timedelta(days=1, hours=12, minutes=1, seconds=2, microseconds=500000), "P1DT12H1M2.5S"),
        (timedelta(0), "P0D"),
        (-timedelta(hours=1), "-PT1H"),
        (pd.Timedelta(hours=4), "PT4H"),
        (np.timedelta64(4 * 3600 * 10**9, "ns"), "PT4H"),
        ({"a": [1, None], "b": {"ä": True}}, '{"a": [1, null], "b": {"ä": true}}'),
        (OrderedDict(a=datetime(2024, 5, 1, tzinfo=UTC)), '{"a": "2024-05-01T00:00:00Z"}'),
        ({"a": float("nan"), "b": pd.NA, "c": pd.NaT, "d": np.int64(1), "e": {2}}, None),
    ],
)
def test_how_values_are_written(value, word):
    word = '{"a": null, "b": null, "c": null, "d": 1, "e": [2]}' if word is None else word
    assert expanded("$v", v=value) == [word]
    assert expanded('"$v"', v=value) == [word]
    assert expanded("${v}", v=value) == [word]
    assert expanded("--x=$v!", v=value) == [f"--x={word}!"]


@pytest.mark.parametrize(
    "many",
    [
        ["a", "b c", "3"],
        ("a", "b c", 3),
        {"a", "b c", "3"},
        pd.Series(["a", "b c", "3"]),
        pd.Index(["a", "b c", "3"]),
        np.array(["a", "b c", "3"]),
        {"a": 1, "b c": 2, "3": 3}.keys(),
    ],
)
def test_a_list_spreads(many):
    spread = expanded("--ids $many -g x", many=many)
    assert (spread[0], sorted(spread[1:4]), spread[4:]) == ("--ids", ["3", "a", "b c"], ["-g", "x"])


def test_a_set_spreads_in_order():
    assert expanded("$s", s=frozenset("dbac")) == list("abcd")


@pytest.mark.parametrize("none", [[], (), pd.Series([], dtype=object), np.array([])])
def test_an_empty_list_spreads_to_none(none):
    assert expanded("--ids $none", none=none) == ["--ids"]


def test_items_of_a_list_are_written_as_values_are():
    moments = pd.Series(pd.to_datetime(["2024-05-01", "2024-05-02"], utc=True))
    assert expanded("$v", v=moments) == ["2024-05-01T00:00:00Z", "2024-05-02T00:00:00Z"]
    assert expanded("$v", v=[{"a": 1}, True]) == ['{"a": 1}', "true"]


@pytest.mark.parametrize("text", ["a$ids", "${ids}x", '"$ids"', "$ids.x", "$ids[0]", '""$ids'])
def test_a_list_is_no_part_of_a_word(text):
    error = refused(text, ids=["a", "b"])
    assert (
        error.message
        == f"line 1, column 6: ${'{ids}' if '{' in text else 'ids'} is a list and cannot be part of a word"
    )
    assert "${ids[0]}" in error.hint


FRAME = pd.DataFrame(
    {
        "id": ["/a", "/b"],
        "identity.principalId": ["p", "q"],
        "startTime": pd.to_datetime(["2024-05-01", None], utc=True),
        "sizeGiB": pd.array([1, None], dtype="Int64"),
        "tags": [{"env": "prod"}, None],
    }
)


def test_a_frame_is_a_json_list_of_records():
    (text,) = expanded("$frame", frame=FRAME)
    assert json.loads(text) == [
        {
            "id": "/a",
            "identity.principalId": "p",
            "startTime": "2024-05-01T00:00:00Z",
            "sizeGiB": 1,
            "tags": {"env": "prod"},
        },
        {"id": "/b", "identity.principalId": "q", "startTime": None, "sizeGiB": None, "tags": None},
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${one.id}", ["/a"]),
        ("x${one.id}", ["x/a"]),
        ("${one.identity.principalId}", ["p"]),
        ("${one.tags.env}", ["prod"]),
        ("${one.tags}", ['{"env": "prod"}']),
        ("${frame.id}", ["/a", "/b"]),
        ("${frame.identity.principalId}", ["p", "q"]),
        ("${frame[1].id}", ["/b"]),
        ("${frame.1.id}", ["/b"]),
        ("${frame[-1].identity.principalId}", ["q"]),
        ("${row.id}", ["/a"]),
        ("${late[0].id}", ["/b"]),
        ("${column[0]}", ["/b"]),
        ("${data.a.b[1].c}", ["deep"]),
        ("${data.a.b.1.c}", ["deep"]),
        ("${data.odd-key}", ["odd"]),
        ("${data.a.b[0]}", ["1", "2"]),
        ("${data.0}", ["zero"]),
        ("${thing.name}", ["n"]),
        ("${thing.inner.ids}", ["1", "2"]),
    ],
)
def test_fields(text, expected):
    names = {
        "one": FRAME[:1],
        "frame": FRAME,
        "row": FRAME.iloc[0],
        "late": FRAME[1:],
        "column": FRAME["id"][1:],
        "data": {"a": {"b": [[1, 2], {"c": "deep"}]}, "odd-key": "odd", "0": "zero"},
        "thing": SimpleNamespace(name="n", inner=SimpleNamespace(ids=[1, 2])),
    }
    assert expanded(text, **names) == expected


def test_a_row_answers_to_its_fields_only():
    row = pd.Series({"columns": "c", "id": "x"}, name="label")
    assert expanded("${row.columns}", row=row) == ["c"]
    assert "there is no name" in refused("${row.name}", row=row).message


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("$Diskid", "there is no name Diskid", "did you mean DiskId?"),
        ("$zzz", "there is no name zzz", "write $$ for a dollar"),
        ("$_secre", "there is no name _secre", "set it first"),
        ("${data.abbb}", "there is no abbb", "did you mean abb?"),
        ("${data.nested.princpalId}", "there is no princpalId", "did you mean principalId?"),
        ("${one.identity.principlId}", "there is no identity.principlId", "did you mean identity.principalId?"),
        ("${ids[7]}", "there is no 7", "look at ids"),
        ("${ids.x}", "there is no x", "look at ids"),
        ("${DiskId.0}", "there is no 0", "look at DiskId"),
        ("${DiskId.__class__}", "there is no __class__", "look at DiskId"),
        ("$nothing", "$nothing has no value", "leave the option out"),
        ("${one.gone}", "has no value", "leave the option out"),
        ("$holes", "an item of $holes has no value", "leave the option out"),
        ("$nested", "an item of $nested is a list, which cannot be a word", "pass text"),
        ("$arrays", "an item of $arrays is a ndarray, which cannot be a word", "pass text"),
        ("$raw", "$raw is a bytes, which cannot be a word", "pass text"),
        ("$print", "$print is a builtin_function_or_method", "pass text"),
        ("${DiskId.upper}", "is a builtin_function_or_method", "pass text"),
        ("$inf", "$inf is infinite", "no option"),
        ("$loop", "$loop contains itself", "JSON"),
        ("$deep", "$deep is a object", "pass text"),
        ("$data.abb", "$data is a dict and cannot be part of a word", "${data.field}"),
        ("$one.id", "$one is a DataFrame and cannot be part of a word", "${one.field}"),
    ],
)
def test_what_is_refused(text, says, hint):
    loop: dict[str, object] = {}
    loop["loop"] = loop
    names = {
        "DiskId": "secret-value",
        "_secret": "secret-value",
        "data": {"abb": 1, "nested": {"principalId": "secret-value"}},
        "ids": ["secret-value"],
        "one": FRAME[:1].assign(gone=None),
        "nothing": None,
        "holes": ["secret-value", float("nan")],
        "nested": [["secret-value"]],
        "arrays": [np.array([1, 2])],
        "raw": b"secret-value",
        "print": print,
        "inf": float("inf"),
        "loop": loop,
        "deep": {"a": object()},
    }
    error = refused(text, **names)
    assert error.message.startswith("line 1, column 6: ")
    assert says in error.message
    assert hint in error.hint
    assert "secret-value" not in error.message + error.hint


def test_the_place_of_a_name_is_its_word():
    statements = parse("job list\njob show \\\n  -g x$rg")
    with pytest.raises(LanguageError, match=r"^line 3, column 6: "):
        expand(statements[1].words, {})


def test_quotes_decide_what_expands():
    assert expanded("""'$a' "$a" $a"$a"'$a' \\$a "\\$a" $$a""", a="1") == ["$a", "1", "11$a", "$a", "$a", "$a"]


def test_nothing_is_evaluated():
    assert expanded("{a} {__import__('os')} [?a=='b'].{c:d}", a=1) == ["{a}", "{__import__(os)}", "[?a==b].{c:d}"]


def test_an_assignment_keeps_the_object_of_a_lone_name():
    frame, ids = FRAME, ["a"]
    assert assigned("$frame", frame=frame) is frame
    assert assigned("${ids}", ids=ids) is ids
    assert assigned("${d.k}", d={"k": ids}) is ids
    assert assigned("$none", none=None) is None
    assert assigned('"$n"', n=5) == "5"
    assert assigned("5") == "5"
    assert assigned('"/subs/$s/x"', s="1") == "/subs/1/x"


HOSTILE = st.text() | st.sampled_from(
    ["prod; rm -rf / --yes", "a b", "$x", "> f", "x << y", "'", '"', "\\", "\n", "# c", "--yes"]
)


@given(HOSTILE)
@example("")
def test_one_word_stays_one_word(value):
    assert expanded('-g $v --name "$v" a${v}b', v=value) == ["-g", value, "--name", value, f"a{value}b"]


PARTS = st.lists(st.sampled_from(["$v", "${v}", '"$v"', "'$v'", "x", "-g", '"a $w"', "$w$v"]), max_size=8)


@given(PARTS, HOSTILE, HOSTILE)
def test_text_never_changes_the_number_of_words(parts, v, w):
    (statement,) = parse(" ".join(["show", *parts]))
    assert len(expand(statement.words, {"v": v, "w": w})) == len(statement.words) == len(parts) + 1


@given(st.lists(HOSTILE))
def test_a_list_spreads_into_its_items(values):
    assert expanded("$v", v=values) == values
