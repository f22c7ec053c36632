"""Every error family has a status, an exit code and a decision of the worker: nobody forgot one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from kedai.cli.exits import EXIT_CODES, EXIT_CODES_HELP
from kedai.errors import KedaiError
from kedai.sync.outcome import RULES, rule_for
from kedai.web.errors import STATUS


def families(root: type[KedaiError] = KedaiError) -> Iterator[type[KedaiError]]:
    """The root and every subclass of it that the package defines."""
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("kedai."):
            yield from families(child)


FAMILIES = sorted(set(families()), key=lambda family: family.__name__)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_family_stands_in_each_table(family: type[KedaiError]) -> None:
    """Named outright, not by way of its parent: whoever adds a family decides what its callers are told."""
    assert family in STATUS, "web.errors.STATUS"
    assert family in EXIT_CODES, "cli.exits.EXIT_CODES"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_the_worker_knows_what_to_do_about_a_family(family: type[KedaiError]) -> None:
    """By its own rule or its nearest parent's."""
    nearest = next(parent for parent in family.__mro__ if parent in RULES)
    assert rule_for(family.__new__(family)) is RULES[nearest]  # its own arguments do not matter here


def test_a_failure_that_is_no_family_is_decided_like_the_root() -> None:
    """A bug in a handler ends as an exception for a person, not as an endless loop."""
    assert rule_for(ZeroDivisionError()) is RULES[KedaiError]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_family_has_a_code_and_a_sentence(family: type[KedaiError]) -> None:
    """The code is stable and unique; the docstring's first line is the default message, a whole sentence."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)*", family.code)
    assert [other.__name__ for other in FAMILIES if other.code == family.code] == [family.__name__]
    sentence = (family.__doc__ or "").splitlines()[0]
    assert sentence[:1].isupper()
    assert sentence.endswith(".")


def test_every_exit_code_is_explained_in_the_help() -> None:
    """`kedai --help` prints what a script needs to know."""
    explained = {int(number) for number in re.findall(r"\b(\d+) ", EXIT_CODES_HELP)}
    assert set(EXIT_CODES.values()) <= explained
