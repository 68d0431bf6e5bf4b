"""What is being typed at the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.errors import LanguageError
from dpmagic.language import Partial, Statement, parse, partial
from tests.language.test_parse import SHELLISH


@pytest.mark.parametrize(
    ("text", "words", "word"),
    [
        ("", [], ""),
        ("  ", [], ""),
        ("jo", [], "jo"),
        ("az", [], "az"),
        ("az ", [], ""),
        ("az data", [], "data"),
        ("az dataprotection ", [], ""),
        ("az dataprotection backup-vault li", ["backup-vault"], "li"),
        ("dataprotection job ", ["job"], ""),
        ("job list", ["job"], "list"),
        ("job list ", ["job", "list"], ""),
        ("job list --st", ["job", "list"], "--st"),
        ("job list --status=Fa", ["job", "list"], "--status=Fa"),
        ("job list -g 'my rg' --n", ["job", "list", "-g", "my rg"], "--n"),
        ("job list -g $rg --n", ["job", "list", "-g", "$rg"], "--n"),
        ("job list -g ${v.name} ", ["job", "list", "-g", "${v.name}"], ""),
        ("job list\nvault sh", ["vault"], "sh"),
        ("job list\n", [], ""),
        ("job list\r\nvault ", ["vault"], ""),
        ("job list # all\nva", [], "va"),
        ("job list \\\n  --st", ["job", "list"], "--st"),
        ("job list \\\n", ["job", "list"], ""),
        ("job list \\", ["job", "list"], ""),
        ("job list \\   \n -g ", ["job", "list", "-g"], ""),
        ("job list | head\nvault li", ["vault"], "li"),
        ("jobs << job li", ["job"], "li"),
        ("jobs << ", [], ""),
        ("jobs <<az dataprotection job ", ["job"], ""),
        ("job list > a.json --st", ["job", "list"], "--st"),
        ("rg = x\njob ", ["job"], ""),
        ("job list -n a#b", ["job", "list", "-n"], "a#b"),
        ("show -n 'a' –na", ["show", "-n", "a"], "–na"),
        ("show C:\\tm", ["show"], "C:\\tm"),
    ],
)
def test_words(text, words, word):
    assert partial(text) == Partial(tuple(words), word, "word", typed=word)


@pytest.mark.parametrize(
    ("text", "word", "typed", "quote"),
    [
        ("show -g 'my r", "'my r", "my r", "'"),
        ('show -g "my r', '"my r', "my r", '"'),
        ('show -g "my rg"', '"my rg"', "my rg", ""),
        ("show -g my\\ r", "my\\ r", "my r", ""),
        ("show -g '", "'", "", "'"),
        ('show -g "a\nb', '"a\nb', "a\nb", '"'),
        ("show -g 'a $n", "'a $n", "a $n", "'"),
        ("show -g $rg-", "$rg-", "$rg-", ""),
        ("show -g ${rg}", "${rg}", "${rg}", ""),
        ("show -g $$", "$$", "$", ""),
    ],
)
def test_quotes(text, word, typed, quote):
    assert partial(text) == Partial(("show", "-g"), word, "word", typed, quote)


@pytest.mark.parametrize(
    ("text", "word", "typed", "quote"),
    [
        ("show -g $", "$", "", ""),
        ("show -g $na", "$na", "na", ""),
        ("show -g ${", "${", "", ""),
        ("show -g ${na", "${na", "na", ""),
        ("show -g ${v.na", "${v.na", "v.na", ""),
        ("show -g ${v[0].", "${v[0].", "v[0].", ""),
        ("show -g a$na", "$na", "na", ""),
        ("show -g $a$na", "$na", "na", ""),
        ('show -g "/subs/$na', "$na", "na", '"'),
        ('show -g "${v.na', "${v.na", "v.na", '"'),
        ("x << show -g $na", "$na", "na", ""),
        ("show -g > $na", "$na", "na", ""),
    ],
)
def test_names(text, word, typed, quote):
    assert partial(text) == Partial(("show", "-g"), word, "name", typed, quote)


def test_a_name_in_an_assignment():
    assert partial("x = $na") == Partial((), "$na", "name", "na")


@pytest.mark.parametrize(
    ("text", "word", "typed", "quote"),
    [
        ("job list >", "", "", ""),
        ("job list > ", "", "", ""),
        ("job list > jo", "jo", "jo", ""),
        ("job list >jo", "jo", "jo", ""),
        ("job list > 'my jo", "'my jo", "my jo", "'"),
        ("job list > a > b", "b", "b", ""),
        ("job list \\\n > b", "b", "b", ""),
    ],
)
def test_files(text, word, typed, quote):
    assert partial(text) == Partial(("job", "list"), word, "file", typed, quote)


@pytest.mark.parametrize(
    "text",
    [
        "# jo",
        "job list # st",
        "job list;",
        "job list ; ",
        "job list | he",
        "job list && job ",
        "rg = ",
        "rg = te",
        '$rg = "te',
    ],
)
def test_nothing_to_complete(text):
    assert partial(text).kind == "none"


@given(st.text() | SHELLISH)
def test_never_raises_and_the_word_ends_the_text(text):
    found = partial(text)
    assert text.endswith(found.word)


@given(st.text(st.sampled_from("ab \\'\"$#>="), max_size=20))
def test_agrees_with_parse_on_what_is_complete(text):
    try:
        (statement,) = parse(f"job list {text}")
    except LanguageError:
        return
    found = partial(f"job list {text} ")
    if found.kind == "word" and not found.word:  # else a comment, or a backslash that took in the space
        assert isinstance(statement, Statement)
        assert list(found.words) == [str(word) for word in statement.words]
