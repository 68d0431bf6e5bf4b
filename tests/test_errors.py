"""Errors: one line and a hint, no secrets, az's exit codes."""

from __future__ import annotations

import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic import errors

SECRETS = [
    "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s3cr3ts3cr3t",
    "https://acc.blob.core.windows.net/c?sv=2022&sig=s3cr3t%2Bs3cr3t&se=2030",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=s3cr3t==;EndpointSuffix=x",
    '{"client_secret": "s3cr3t", "grant_type": "x"}',
    "password='s3cr3t words'",
    "SharedAccessSignature=s3cr3t",
]


@pytest.mark.parametrize("text", SECRETS)
def test_no_error_shows_a_secret(text: str) -> None:
    shown = [
        str(errors.InvalidArgument(text, text)),
        *errors.InvalidArgument(text, text).lines(),
        *errors.AzureError("Code", text, recommended_action=[text], hint=text).lines(),
        repr(errors.AzureError("Code", text, recommended_action=[text])),
        *errors.NotFound("Code", text)._render_traceback_(),
    ]
    assert not [line for line in shown if "s3cr3t" in line]


def test_a_given_secret_is_taken_out_of_everything_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "_GIVEN", set())  # what other tests of this process gave is no part of this text
    errors.hide("opaque-s3cr3t")
    errors.hide("ab")  # so short a text is part of half the words there are
    assert errors.redact("the server says opaque-s3cr3t about it") == "the server says *** about it"
    assert errors.redact("connect --token=abc --tokens 3") == "connect --token=*** --tokens 3"


@given(st.text(alphabet="abcdefghijklmnop -/.:_", max_size=60))
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert errors.redact(text) == text


def test_an_error_is_one_line_a_hint_and_a_request_id() -> None:
    error = errors.AzureError("BadRequest", "no", recommended_action=["Do it right. "], request_id="42")
    assert error.lines() == ["AzureError: BadRequest: no", "  hint: Do it right.", "  request id: 42"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [(errors.UnknownOption, 2), (errors.LanguageError, 2), (errors.InvalidArgument, 1), (errors.DpmagicError, 1)],
)
def test_exit_codes_are_those_of_az(kind: type[errors.DpmagicError], code: int) -> None:
    assert kind("x").exit_code == code
    assert errors.NotFound("ResourceNotFound", "x").exit_code == 3


def test_the_nearest_name_ignores_case() -> None:
    assert errors.nearest("TESTBKPVUALT", ["TestBkpVault", "Other"]) == "TestBkpVault"
    assert errors.nearest("zzz", ["TestBkpVault"]) == ""


def test_a_script_that_fails_prints_the_hint_as_it_is_at_last() -> None:
    error = errors.InvalidArgument("there is no vault 'a'", "did you mean b?")
    error.add_note("seen by somebody else")
    error.hint = "did you mean c?"
    last = traceback.format_exception(error)[-3:]
    assert [line.strip() for line in last] == [
        "dpmagic.errors.InvalidArgument: there is no vault 'a'",
        "seen by somebody else",
        "hint: did you mean c?",
    ]
    assert not getattr(pickle.loads(pickle.dumps(errors.InvalidArgument("no"))), "__notes__", [])
    assert pickle.loads(pickle.dumps(error)).lines() == error.lines()
