"""T4: which master keys are accepted, and that a refusal never repeats one."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path

import pytest

from kedai.errors import SettingsInvalid
from kedai.settings import Settings
from kedai.vault.keys import create_key_file, load_master_keys, parse_master_keys

ONE, TWO = hashlib.sha256(b"one").digest(), hashlib.sha256(b"two").digest()


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def settings(directory: Path, **changes: object) -> Settings:
    return Settings(data_dir=directory, **changes)


@pytest.mark.parametrize(
    "text",
    [
        f"k1:{b64(ONE)},k2:{b64(TWO)}",
        f"k1:{b64(ONE)}\nk2:{b64(TWO)}\n",
        f"k1:{b64(ONE)}\r\nk2:{b64(TWO)}\r\n",
        f"  k1:{b64(ONE)} ,\n, k2: {b64(TWO)} ,,\n",
        f"# the first, then: the second\nk1:{b64(ONE)}\n   # k3:AAAA\nk2:{b64(TWO)}",
    ],
    ids=["commas", "lines", "windows lines", "untidy", "comments"],
)
def test_keys_are_read_in_order(text: str) -> None:
    keys = parse_master_keys(text)
    assert keys == {"k1": ONE, "k2": TWO}
    assert list(keys) == ["k1", "k2"]


BAD = {
    "empty": "",
    "only spaces and commas": " , ,\n",
    "only a comment": f"# k1:{b64(ONE)}",
    "no id": b64(ONE),
    "empty id": f":{b64(ONE)}",
    "upper case id": f"K1:{b64(ONE)}",
    "id too long": f"{'k' * 17}:{b64(ONE)}",
    "id with a dot": f"k.1:{b64(ONE)}",
    "id with a line break": f"k1\x0b:{b64(ONE)}",
    "reserved id": f"v1:{b64(ONE)}",
    "id used twice": f"k1:{b64(ONE)},k1:{b64(TWO)}",
    "31 bytes": f"k1:{b64(ONE[:31])}",
    "33 bytes": f"k1:{b64(ONE + b'x')}",
    "no bytes": "k1:",
    "not base64": f"k1:{b64(ONE)[:-2]}!=",
    "base64url": "k1:" + base64.urlsafe_b64encode(bytes(range(224, 256))).decode(),
    "hexadecimal": f"k1:{ONE.hex()}",
    "no padding": f"k1:{b64(ONE).rstrip('=')}",
    "not ASCII": f"k1:{b64(ONE)[:-2]}é=",
    "all bytes equal": f"k1:{b64(b'A' * 32)}",
    "all zero": f"k1:{b64(bytes(32))}",
    "hardly different bytes": f"k1:{b64(b'abcdefg' * 4 + b'abcd')}",
    "supersecret, repeated": f"k1:{b64((b'supersecret' * 3)[:32])}",
    "change-me, filled up": f"k1:{b64(b'change-me'.ljust(32, bytes(1)))}",
    "hexadecimal digits": f"k1:{b64(b'0123456789abcdef' * 2)}",
    "counting up": f"k1:{b64(bytes(range(32)))}",
    "good, then short": f"k1:{b64(ONE)},k2:{b64(TWO[:16])}",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_bad_material_is_refused_in_one_line_without_key_bytes(text: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        parse_master_keys(text)
    said = caught.value.message
    assert said
    assert "\n" not in said
    for part in text.replace(",", "\n").splitlines():
        secret = part.partition(":")[2].strip() or part.strip(" #")
        assert len(secret) < 4 or secret not in said
        assert len(secret) < 12 or secret[:8] not in said


@pytest.mark.parametrize("secret", [ONE.hex()[:32], b64(ONE)], ids=["as it is", "as base64"])
def test_key_that_is_the_v1_secret_too_is_refused(secret: str, tmp_path: Path) -> None:
    raw = secret.encode() if len(secret) == 32 else ONE
    given = settings(tmp_path, master_keys=f"k1:{b64(raw)}", v1_secret=secret)
    with pytest.raises(SettingsInvalid, match="reused"):
        load_master_keys(given)


def test_variable_and_file_together_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"k1:{b64(ONE)}")
    with pytest.raises(SettingsInvalid, match="not both"):
        load_master_keys(settings(tmp_path, master_keys=f"k1:{b64(ONE)}", master_keys_file=file))


@pytest.mark.parametrize("content", [None, b"k1:\xff\xfe"], ids=["missing", "not text"])
def test_named_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load_master_keys(settings(tmp_path, master_keys_file=file))


def test_no_material_anywhere_is_no_error_here(tmp_path: Path) -> None:
    assert load_master_keys(settings(tmp_path)) == {}


def test_key_file_in_the_data_directory_is_found_by_itself(tmp_path: Path) -> None:
    made = create_key_file(tmp_path / "master.keys")
    assert load_master_keys(settings(tmp_path)) == made


def test_made_key_file_is_for_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"
    first = create_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(SettingsInvalid, match="cannot be written"):
        create_key_file(path)
    assert path.read_bytes() == before
    assert parse_master_keys(path.read_text()) == first


def test_made_keys_differ(tmp_path: Path) -> None:
    assert create_key_file(tmp_path / "a") != create_key_file(tmp_path / "b")
