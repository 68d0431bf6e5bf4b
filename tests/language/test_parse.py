"""Text to statements and words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpmagic.errors import LanguageError
from dpmagic.language import Assignment, Statement, expand, parse, quote

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"

SHELLISH = st.text(st.sampled_from("ab1 \t\n\r\\'\"$`{}[].=<>|&;#()-–“’\u00a0\ufeff"), max_size=40)


def only(text: str) -> Statement:
    (statement,) = parse(text)
    assert isinstance(statement, Statement)
    return statement


def words(text: str) -> list[str]:
    return [str(word) for word in only(text).words]


@pytest.mark.parametrize("prefix", ["", "az ", "dataprotection ", "az dataprotection ", "  az\tdataprotection  "])
def test_the_prefix_is_dropped(prefix):
    assert words(prefix + "backup-vault list -g rg") == ["backup-vault", "list", "-g", "rg"]


@pytest.mark.parametrize("text", ["az", "az dataprotection", "dataprotection"])
def test_a_bare_prefix_leaves_no_words(text):
    assert words(text) == []


def test_only_a_leading_unquoted_prefix_is_one():
    assert words("vault az dataprotection") == ["vault", "az", "dataprotection"]
    assert words("'az' list") == ["az", "list"]


def test_one_statement_a_line():
    found = parse("\n# first\njob list\n\n   \nvault show # why\r\npolicy list\rlast")
    assert [(each.text, each.line) for each in found] == [
        ("job list", 3),
        ("vault show", 6),
        ("policy list", 7),
        ("last", 8),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("list \\\n  -g rg", ["list", "-g", "rg"]),
        ("list \\   \n-g rg", ["list", "-g", "rg"]),
        ("list \\\r\n-g rg", ["list", "-g", "rg"]),
        ("li\\\nst", ["list"]),
        ("list \\", ["list"]),
        ("list -n 'a\nb'", ["list", "-n", "a\nb"]),
        ('list -n "a\nb"', ["list", "-n", "a\nb"]),
        ('list -n "a\\\nb"', ["list", "-n", "ab"]),
        ("list -n 'a\\\nb'", ["list", "-n", "a\\\nb"]),
    ],
)
def test_continuation(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("''", ""),
        ('""', ""),
        ("'$rg \\n \"x\"'", '$rg \\n "x"'),
        (r'"\" \\ \$x \` \n"', '" \\ $x ` \\n'),
        ("type=\"Vault\"'Store'x", "type=VaultStorex"),
        (r"C:\tmp\new", r"C:\tmp\new"),
        (r"a\ b\'c\"d\\e\$f\#g\>h\;i\|j", "a b'c\"d\\e$f#g>h;i|j"),
        ("a#b", "a#b"),
        ("\\#b", "#b"),
        ("[].{Name:name}", "[].{Name:name}"),
        ("'[?a > `1`] | [0]'", "[?a > `1`] | [0]"),
        ('"[?a > `1`] | [0]"', "[?a > `1`] | [0]"),
        ('\'[{"name":"n"}]\'', '[{"name":"n"}]'),
        ("length(@)", "length(@)"),
        ("$$web", "$web"),
        ('"$$web"', "$web"),
        ("a$", "a$"),
        ("$5", "$5"),
        ('"$(x)"', "$(x)"),
        ("O’Brien", "O’Brien"),
        ("'–x'", "–x"),
        ("a–b", "a–b"),
        ("~!*?%,:@^+=", "~!*?%,:@^+="),
    ],
)
def test_quotes_and_escapes(typed, word):
    (_, value) = only(f"show {typed}").words
    assert expand([value], {}) == [word]


def test_non_breaking_spaces_are_spaces():
    assert words("job\u00a0list \u202f-g\u00a0rg") == ["job", "list", "-g", "rg"]


@pytest.mark.parametrize(
    "text", ["jobs << job list", "jobs<<job list", "jobs <<job list", "jobs<< az job list", "jobs <<\\\n job list"]
)
def test_a_target(text):
    statement = only(text)
    assert (statement.target, [str(word) for word in statement.words]) == ("jobs", ["job", "list"])


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("job list > jobs.csv", "jobs.csv"),
        ("job list >jobs.csv", "jobs.csv"),
        ("job list>jobs.csv", "jobs.csv"),
        ("job list > 'my jobs.csv'", "my jobs.csv"),
        ("job list > $name.csv", "$name.csv"),
        ("job list > a > b", "b"),
        ("> b job list", "b"),
        ("job > b list", "b"),
        ("job list", "None"),
    ],
)
def test_a_file(text, file):
    statement = only(text)
    assert [str(word) for word in statement.words] == ["job", "list"]
    assert str(statement.file) == file


@pytest.mark.parametrize(
    ("text", "silent"),
    [("job list;", True), ("job list ; # quiet", True), ("job list", False), ("job list ';'", False)],
)
def test_a_semicolon_silences(text, silent):
    assert only(text).silent is silent


@pytest.mark.parametrize(
    "text",
    ['$rg = "my rg"', 'rg = "my rg"', 'rg="my rg"', '$rg="my rg";', 'rg ="my rg" # x', "rg = my\\ rg"],
)
def test_an_assignment_of_text(text):
    (assignment,) = parse(text)
    assert isinstance(assignment, Assignment)
    assert (assignment.name, str(assignment.value), assignment.line) == ("rg", "my rg", 1)


def test_a_word_with_an_equals_sign_is_no_assignment():
    assert words("create --tags a=b c= d") == ["create", "--tags", "a=b", "c=", "d"]
    assert words("x == y") == ["x", "==", "y"]


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("job list | head", (1, 10), "no pipes"),
        ("job list|head", (1, 9), "no pipes"),
        ("job list && job show", (1, 10), "not joined by `&&`"),
        ("job list || job show", (1, 10), "not joined by `||`"),
        ("job list &", (1, 10), "background"),
        ("job list; job show", (1, 9), "only ends a statement"),
        ("show a;b", (1, 7), "only ends a statement"),
        ("job list >> all.json", (1, 10), "does not append"),
        ("job list 2> err", (1, 10), "`2>` redirects nothing"),
        ("job list 2>&1", (1, 11), "not joined"),
        ("job list < in", (1, 10), "no input"),
        ("job list << in", (1, 10), "only at the start"),
        ("show `date`", (1, 6), "backtick"),
        ("show -g rg `\n -n x", (1, 12), "backtick"),
        ("show $(date)", (1, 6), "runs nothing"),
        ("show a$(date)", (1, 7), "runs nothing"),
        ("show --query [?size>5]", (1, 20), "outside quotes"),
        ("\nshow -n \\\n  'O", (3, 3), "the quote ' that opens here is never closed"),
        ('show "a\nb', (1, 6), 'the quote " that opens here is never closed'),
        ("show –name x", (1, 6), "U+2013 (en dash)"),
        ("show –-name x", (1, 6), "U+2013 (en dash)"),
        ("show -–name x", (1, 7), "U+2013 (en dash)"),
        ("show —name x", (1, 6), "U+2014 (em dash)"),
        ("show “my rg”", (1, 6), "U+201C (left double quotation mark)"),
        ("show type=“x”", (1, 13), "U+201D (right double quotation mark)"),
        ("show ‘x’", (1, 6), "U+2018 (left single quotation mark)"),
        ("\ufeffjob list", (1, 1), "U+FEFF"),
        ("show ${na me}", (1, 6), "not well formed"),
        ("show ${}", (1, 6), "not well formed"),
        ('show "${x', (1, 7), "not well formed"),
        ("show \\ # why", (1, 6), "only as its last character"),
        ("job list >", (1, 10), "names no file"),
        ("job list > > x", (1, 10), "names no file"),
        ("x <<", (1, 1), "no command"),
        ("> x", (1, 1), "no command"),
        (";", (1, 1), "no command"),
        ("$x << job list", (1, 1), "plain name"),
        ("a.b << job list", (1, 5), "only at the start"),
        ("d['k'] << job list", (1, 8), "only at the start"),
        ("class << job list", (1, 1), "not a name"),
        ("x =", (1, 1), "takes one word"),
        ("x = job list", (1, 1), "takes one word"),
        ("x = a > b", (1, 1), "takes one word"),
        ("x = len(vaults)", (1, 1), "is Python"),
        ("y = 1\nx = vaults.name.tolist()", (2, 1), "is Python"),
    ],
)
def test_what_is_refused_and_where(text, place, says):
    with pytest.raises(LanguageError) as caught:
        parse(text)
    assert caught.value.message.startswith("line {}, column {}: ".format(*place))
    assert says in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


def test_the_first_fault_is_the_one_reported():
    with pytest.raises(LanguageError, match=r"^line 2, column 5: there are no pipes"):
        parse("job list\njob | 'x")


@given(st.text() | SHELLISH)
@example("\\")
@example("$")
@example("“")
@example("-“")
def test_any_text_parses_or_is_refused_as_language(text):
    try:
        found = parse(text)
    except LanguageError as error:
        assert error.message.startswith("line ")
    else:
        for statement in found:
            assert statement.text in text


@given(st.text() | SHELLISH)
@example('O\'Brien \\ "$x" `')
@example("“x”")
@example("\r")
@example("=x")
def test_quote_is_read_back(word):
    statement = only(f"show {quote(word)} -n {quote(word)} > {quote(word)}")
    assert expand(statement.words, {}) == ["show", word, "-n", word]
    assert statement.file is not None
    assert expand([statement.file], {}) == [word]


LINES = st.lists(
    st.sampled_from(
        ["job list", "job \\\n list", "a 'x\ny'", "# note", "", "x << a \\  \n\\\n b", '$x = "1"', 'b "\n\n" c']
    ),
    max_size=12,
)


@given(LINES, st.sampled_from(["\n", "\r\n"]))
def test_lines_are_those_of_the_text(lines, newline):
    expected, at = [], 1
    for line in lines:
        if line and not line.startswith("#"):
            expected.append(at)
        at += 1 + line.count("\n")
    text = "\n".join(lines).replace("\n", newline)
    assert [statement.line for statement in parse(text)] == expected


def blocks() -> list[str]:
    page = SHARED / "seed" / "back-up-managed-disks-cli.md"
    if not page.exists():
        pytest.skip("the tutorial (shared/seed) is not here")
    fences = page.read_text(encoding="utf-8").split("```")
    return [body.split("\n", 1)[1] for body in fences if body.startswith("azurecli")]


@pytest.mark.parametrize("prefix", ["az dataprotection ", "az ", "dataprotection ", ""])
def test_the_tutorial_parses_as_written(prefix):
    found = [statement for block in blocks() for statement in parse(block.replace("az dataprotection ", prefix))]
    assert [statement.name for statement in found if isinstance(statement, Assignment)] == ["DiskId", "snapshotrg"]
    commands = [[str(word) for word in each.words] for each in found if isinstance(each, Statement)]
    assert [command[:2] for command in commands] == [
        ["backup-vault", "create"],
        ["backup-policy", "get-default-policy-template"],
        ["backup-policy", "get-default-policy-template"],
        ["backup-policy", "create"],
        ["backup-vault", "update"],
        ["backup-instance", "initialize"],
        ["backup-instance", "create"],
        ["backup-instance", "list-from-resourcegraph"],
        ["backup-instance", "adhoc-backup"],
        ["job", "list-from-resourcegraph"],
    ]
    assert commands[0][-2:] == ["datastore-type=VaultStore", "type=LocallyRedundant"]
    files = [str(each.file) for each in found if isinstance(each, Statement) and each.file]
    assert files == ["policy.json", "backup_instance.json"]


def test_what_az_was_run_with_splits_as_a_shell_splits_it():
    import shlex

    runs = SHARED / "reference" / "az-runs.jsonl"
    if not runs.exists():
        pytest.skip("the recorded runs (shared/reference) are not here")
    for line in runs.read_text(encoding="utf-8").splitlines():
        command = json.loads(line)["cmd"]
        assert expand(only(command).words, {}) == shlex.split(command)[1:]


def test_loading_the_language_loads_nothing_heavy():
    heavy = {"pandas", "numpy", "IPython", "json", "azure"}
    code = f"import sys, dpmagic.language; print(*sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
