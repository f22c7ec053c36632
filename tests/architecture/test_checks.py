"""The checks of `make check` notice what they are for: each is shown something wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import check_docs, check_wheel


def test_the_documents_are_whole() -> None:
    """Every setting, command, error, route, state and table is in the reference, and every link leads somewhere."""
    assert list(check_docs.missing_from_reference()) == []
    files = check_docs.tracked_files()
    assert list(check_docs.broken_links(file for file in files if file.suffix == ".md")) == []


def test_an_empty_reference_lacks_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each kind is missed, so no part of the comparison is silent."""
    monkeypatch.setattr(check_docs, "REFERENCE", tmp_path)
    missing = "\n".join(check_docs.missing_from_reference())
    for expected in (
        "setting KEDAI_PUBLIC_URL",
        "setting SHOPEE_PARTNER_KEY",
        "command kedai db upgrade",
        "option --role is missing in the section of `kedai token create`",
        "code outcome_unknown",
        "route POST /connectors/shopee/webhook/live",
        "route GET /readyz",
        "route DELETE /admin/dashboard/connectors/{connector}/secrets/{secret}",
        "route GET /e/{scope}/orders",
        "word unknown_shop",
        "word skipped",
        "table raw_event",
    ):
        assert expected in missing


def test_a_wrong_status_and_a_route_that_is_gone_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference may not say more than there is, or something else."""
    monkeypatch.setattr(check_docs, "REFERENCE", tmp_path)
    (tmp_path / "errors.md").write_text("| `not_found` | 410 | 3 | `NotFound` | gone |\n")
    (tmp_path / "http.md").write_text("| `GET /nowhere` | everybody | nothing |\n")
    missing = "\n".join(check_docs.missing_from_reference())
    assert "not_found says ['410', '3'], the code says ['404', '3']" in missing
    assert "route GET /nowhere does not exist" in missing


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a](gone.md)", "gone.md leads nowhere"),
        ("[a](other.md#no-such-heading)", "other.md#no-such-heading names no heading"),
        ("![a](gone.png)", "gone.png leads nowhere"),
        ("[a](#nothing)", "#nothing names no heading"),
    ],
)
def test_a_broken_link_is_noticed(tmp_path: Path, text: str, problem: str) -> None:
    """A file, a picture and a heading that are not there."""
    (tmp_path / "other.md").write_text("# A heading, with `code`\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{text}\n")
    (found,) = check_docs.broken_links([page])
    assert found.endswith(problem)


def test_links_that_lead_somewhere_are_let_through(tmp_path: Path) -> None:
    """Neighbours, headings, other hosts, and whatever stands in a block of code."""
    (tmp_path / "other.md").write_text("# A heading, with `code`\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n[a](other.md) [b](other.md#a-heading-with-code) [c](#page) [d](https://example.com/x)\n"
        "```sh\n[e](gone.md)\n```\n"
    )
    assert list(check_docs.broken_links([page])) == []


@pytest.mark.parametrize("text", [f"see https://{host}/simple" for host in check_docs.REGISTRIES])
def test_a_registry_is_noticed(text: str) -> None:
    """Where packages come from is the installer's choice."""
    assert list(check_docs.private_words(text, [])) != []


def test_a_path_of_this_machine_is_noticed() -> None:
    """It means nothing elsewhere; a path that begins alike does."""
    paths = ["/place/of/mine"]
    assert list(check_docs.private_words("cd /place/of/mine/tests", paths)) == ["holds the path /place/of/mine"]
    assert list(check_docs.private_words("cd /place/of/mineral", paths)) == []
    assert list(check_docs.private_words("GET /a/place/of/mine", paths)) == []


def test_every_kind_of_file_is_in_the_source_tree() -> None:
    """What the wheel is asked for exists, so that asking means something."""
    for prefix in check_wheel.KINDS.values():
        path = check_wheel.SOURCE / prefix
        assert path.is_file() or any(path.iterdir())
