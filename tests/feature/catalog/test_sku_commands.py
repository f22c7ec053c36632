"""The SKU map by commands: the same rules, each change with its environment named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from kedai.cli import sku
from kedai.errors import KedaiError, NotFound, TooLarge
from kedai.runtime import Runtime
from tests.feature.catalog.mapping import demand, listing, see, skus_of, store
from tests.support.factories import LIVE, SANDBOX, House, snapshot


@pytest.fixture
def open_shop(shop: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """The commands open this very installation."""

    @contextmanager
    def beside() -> Iterator[Runtime]:
        yield shop.runtime

    monkeypatch.setattr(sku, "open_runtime_beside", beside)
    see(shop, listing("1", name="Mug", sku="KDI-1"), listing("2", "7", name="Tray", model_name="Large"))
    return shop


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(sku.app, [*words, "--connector", "fake"], input=given)


def test_export_fill_in_and_import(open_shop: House, tmp_path: Path) -> None:
    demand(open_shop)
    store(open_shop, snapshot("O1"))
    exported = run("export", "--env", "sandbox", "--unmapped")
    assert exported.exit_code == 0
    filled = exported.stdout.replace("KDI-1,", "KDI-1,MINE-1")
    (tmp_path / "map.csv").write_bytes(filled.encode())
    tried = run("import", str(tmp_path / "map.csv"), "--env", "sandbox", "--dry-run")
    assert (tried.exit_code, skus_of(open_shop)) == (0, {"1/0": None, "2/7": None})
    assert "Would be imported into sandbox: 1 new" in tried.stderr
    done = run("import", str(tmp_path / "map.csv"), "--env", "sandbox")
    assert (done.exit_code, skus_of(open_shop)) == (0, {"1/0": "MINE-1", "2/7": None})
    assert [one.state for one in open_shop.exceptions()] == ["resolved"]
    again = json.loads(run("import", str(tmp_path / "map.csv"), "--env", "sandbox", "--json").stdout)
    assert (again["counts"]["same"], again["changes"]) == (1, [])
    other = run("import", str(tmp_path / "map.csv"), "--env", "live")
    assert other.exit_code == 2
    assert "line 2: It is of sandbox, and this is live." in other.stderr
    assert skus_of(open_shop, LIVE) == {}


def test_a_bad_line_stops_all_and_a_bad_file_is_told(open_shop: House) -> None:
    done = run("import", "-", "--env", "sandbox", given="item_id,sku\n1,A\n2E+9,B\n")
    assert done.exit_code == 2
    assert "line 3: item_id 2E+9 was rounded" in done.stderr
    assert set(skus_of(open_shop).values()) == {None}
    large = run("import", "-", "--env", "sandbox", given="item_id,sku\n" + "x" * 1_100_000)
    assert isinstance(large.exception, TooLarge)
    assert run("import", "no/such/file.csv", "--env", "sandbox").exit_code == 2
    assert run("import", "-", "--env", "prod", given="").exit_code == 2
    assert run("import", "-", given="item_id,sku\n1,A\n").exit_code == 2, "the environment is always named"


def test_one_product_is_set_and_removed(open_shop: House) -> None:
    assert run("set", "1", "MINE-1", "--env", "sandbox").exit_code == 0
    assert "so already" in run("set", "1", "MINE-1", "--env", "sandbox").stderr
    assert run("set", "2", "MINE-2", "--model", "7", "--env", "sandbox").exit_code == 0
    assert skus_of(open_shop) == {"1/0": "MINE-1", "2/7": "MINE-2"}
    assert run("set", "1", "--remove", "--env", "sandbox").exit_code == 0
    assert skus_of(open_shop)["1/0"] is None
    assert run("set", "1", "X", "--remove", "--env", "sandbox").exit_code == 2
    assert run("set", "1", "--env", "sandbox").exit_code == 2
    missing = run("set", "9", "X", "--env", "sandbox")
    assert isinstance(missing.exception, NotFound)
    assert isinstance(run("set", "1", " ", "--env", "sandbox").exception, KedaiError)
    open_shop.connect(SANDBOX, "7002")
    assert "name the shop" in run("set", "1", "X", "--env", "sandbox").stderr


def test_lists_are_for_people_and_programs(open_shop: House) -> None:
    run("set", "1", "MINE-1", "--env", "sandbox")
    table = run("list", "--env", "sandbox").stdout
    assert "MINE-1" in table
    assert "Tray, Large" in table
    listed = json.loads(run("list", "--env", "sandbox", "--unmapped", "--json").stdout)
    assert [(one["item_id"], one["model_id"], one["sku"]) for one in listed] == [("2", "7", None)]
    assert json.loads(run("list", "--env", "live", "--json").stdout) == []
