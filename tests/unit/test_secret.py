"""Which parameters are secret, what of them is masked, and what is shown of them."""

import enum
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from celery import Celery
from pydantic import SecretStr

import runtail
from runtail import catalogue
from runtail.secret import HIDDEN, hide, names_in, names_of, texts_of

app = Celery("secrets", set_as_current=False)


class Plan(enum.Enum):
    FREE = "free-plan-value"


def task(function: Any, **rule: Any) -> Any:
    return app.task(name=f"t.{function.__name__}", runtail=rule)(function)


@task
def annotated(
    token: runtail.Secret,
    maybe: runtail.Secret | None,
    older: "runtail.Secret | None",
    many: list[runtail.Secret],
    marked: Annotated[runtail.Secret, "for the API"],
    noted: Annotated[str, runtail.Secret],
    pydantics: SecretStr,
    plain: str = "",
    word: Literal["Secret", "open"] = "open",
) -> None: ...


def unresolved(token: "runtail.Secret", password: "SecretStr | None", other: "NotThere", secretary: "str") -> None: ...  # type: ignore[name-defined]  # noqa: F821


def by_rule(token: str, n: int) -> None: ...


def test_secrets_are_named_by_rule_or_annotation() -> None:
    assert names_of(annotated) == {"token", "maybe", "older", "many", "marked", "noted", "pydantics"}
    # Some other annotation cannot be resolved here: better one too many than none.
    assert names_of(SimpleNamespace(run=unresolved)) == {"token", "password"}
    assert names_of(task(by_rule, secrets=["token"])) == {"token"}
    assert names_of(SimpleNamespace(run=by_rule, runtail={"secrets": "token"})) == {"token"}
    rules: list[Any] = [None, {}, {"secrets": None}, {"secrets": []}]
    for rule in rules:
        assert names_of(SimpleNamespace(run=by_rule, runtail=rule)) == frozenset()


def test_a_secret_is_an_ordinary_text_that_does_not_show_itself() -> None:
    secret = runtail.Secret("opensesame")
    assert (f"Bearer {secret}", secret + "!", secret == "opensesame") == ("Bearer opensesame", "opensesame!", True)
    assert repr({"token": secret}) == "{'token': '***'}"


class Loud:
    def __str__(self) -> str:
        return "loud-secret"


class Broken:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("s3cret", {b"s3cret"}),
        (b"\xff\x00raw", {b"\xff\x00raw"}),
        (271828, {b"271828"}),
        (-271828.0, {b"271828.0", b"271828"}),
        (2.71828, {b"2.71828"}),
        (999, set()),
        (float("inf"), set()),
        (True, set()),
        (None, set()),
        ([1, "a b", {"key": ("deep", [4711, False])}, {"set"}], {b"a b", b"deep", b"4711", b"set"}),
        (SecretStr("pydantic"), {b"pydantic"}),
        ([Loud(), Broken()], {b"loud-secret", b""}),
    ],
)
def test_every_text_and_long_number_in_a_value_is_masked(value: Any, texts: set[bytes]) -> None:
    assert set(texts_of(value)) == texts


def test_values_without_an_end_and_numbers_without_a_text_are_survived() -> None:
    assert set(texts_of(10**5_000)) == set()
    value: list[Any] = ["s3cret"]
    value.append({"again": value})
    assert list(texts_of(value)) == [b"s3cret"]


def test_what_is_shown_has_the_secrets_nowhere() -> None:
    kwargs = {"token": "Tr0ub4dor", "pin": 271828, "note": "as Tr0ub4dor said", "deep": [{"Tr0ub4dor": 271828}], "n": 7}
    assert hide(kwargs, {"token", "pin"}) == {
        "token": HIDDEN, "pin": HIDDEN, "note": "as *** said", "deep": [{HIDDEN: HIDDEN}], "n": 7,
    }  # fmt: skip


def test_the_catalogue_has_no_values_of_secrets() -> None:
    def deploy(
        token: str = "default-token",
        plan: Plan = Plan.FREE,
        region: Literal["eu-secret-1", "us-secret-2"] | None = "eu-secret-1",
        zones: list[Literal["zone-secret"]] = ["zone-secret"],  # noqa: B006
        pin: int = 271828,
        key: runtail.Secret = runtail.Secret("annotated-default"),  # noqa: B008
        **rest: Any,
    ) -> None: ...

    names = ["token", "plan", "region", "zones", "pin", "extra"]
    entry = catalogue.entry(app, task(deploy, secrets=names))
    assert names_in(entry) == {*names, "key"}
    assert entry["schema"]["properties"] == {
        "token": {"type": "string", "writeOnly": True, "format": "password"},
        "plan": {"writeOnly": True, "format": "password"},
        "region": {"anyOf": [{}, {"type": "null"}], "writeOnly": True, "format": "password"},
        "zones": {"type": "array", "items": {}, "writeOnly": True, "format": "password"},
        "pin": {"type": "integer", "writeOnly": True, "format": "password"},
        "key": {"type": "string", "writeOnly": True, "format": "password"},
    }
    for value in ("default-token", "free-plan", "secret-1", "secret-2", "zone-secret", "271828", "annotated-default"):
        assert value not in repr(entry)
    # As an older worker published it.
    assert names_in({"schema": {"properties": {"a": {"writeOnly": True}, "b": {}}}}) == {"a"}
