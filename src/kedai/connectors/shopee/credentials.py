"""Checks the fields of Shopee's credentials form; it never repeats a secret in what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from kedai.connectors.base import CredentialField, Host
from kedai.errors import Invalid
from kedai.values.console import Place
from kedai.values.environment import Environment
from kedai.values.wording import N_

REGIONS: Final = ("GLOBAL", "SG", "MY", "TH", "ID", "VN", "PH", "TW", "BR", "MX", "CO", "CL")
"""Markets of contract §7.2; ``GLOBAL`` is an app that serves several."""

HOSTS: Final = (
    Host("live_sg", "https://partner.shopeemobile.com", "https://open.shopee.com/auth", Environment.LIVE),
    Host("live_cn", "https://openplatform.shopee.cn", "https://open.shopee.cn/auth", Environment.LIVE),
    Host("live_br", "https://openplatform.shopee.com.br", "https://open.shopee.com.br/auth", Environment.LIVE),
    Host(
        "sandbox_sg",
        "https://openplatform.sandbox.test-stable.shopee.sg",
        "https://open.sandbox.test-stable.shopee.com/auth",
        Environment.SANDBOX,
    ),
    Host(
        "sandbox_cn",
        "https://openplatform.sandbox.test-stable.shopee.cn",
        "https://open.sandbox.test-stable.shopee.cn/auth",
        Environment.SANDBOX,
    ),
)
"""The hosts of contract §1 that are current. The retired sandbox host is left out on purpose: it refuses every sign."""

RETIRED_HOSTS: Final = frozenset({"partner.test-stable.shopeemobile.com", "partner.uat.shopeemobile.com"})
"""Contract §1: old guides and clients still name them; they refuse every signature, however right it is."""

DEFAULT_HOSTS: Final[Mapping[Environment, str]] = {Environment.LIVE: "live_sg", Environment.SANDBOX: "sandbox_sg"}

FIELDS: Final = (
    CredentialField(
        "partner_id",
        N_("Partner ID"),
        connect=True,
        help=N_("The app's id from the Open Platform console: digits only."),
        found_at=Place.APP,
    ),
    CredentialField(
        "partner_key",
        N_("Partner key"),
        secret=True,
        connect=True,
        help=N_("The app's API key of this environment. Sandbox and live apps have different keys."),
        found_at=Place.APP,
    ),
    CredentialField(
        "push_partner_key",
        N_("Push partner key"),
        secret=True,
        switch=True,
        help=N_(
            "The key of the console's Set Push page. It is not the API key: real pushes verify only with this one."
        ),
        found_at=Place.PUSHES,
    ),
    CredentialField(
        "shop_id",
        N_("Shop ID"),
        switch=True,
        help=N_("The first or only shop. May stay empty until a shop is connected."),
    ),
    CredentialField(
        "region", N_("Region"), connect=True, copyable=True, help=N_("The shop's market, or GLOBAL for several.")
    ),
    CredentialField("host", N_("Host"), help=N_("Chosen by where this server stands, not by the shop's market.")),
    CredentialField(
        "default_location_id",
        N_("Default location ID"),
        copyable=True,
        help=N_("Where parcels are picked up from, if several."),
    ),
    CredentialField(
        "default_shipping_option_id",
        N_("Default shipping option ID"),
        copyable=True,
        help=N_("The shipping channel to use unless named."),
    ),
)

_UINT32_MAX = 4_294_967_295
_UINT32_DIGITS = re.compile(r"[0-9]{1,10}")
_PRINTABLE = re.compile(r"[!-~]+")
_LEAST_KEY_LENGTH = 16
_MOST_KEY_LENGTH = 512
_MOST_ID_LENGTH = 64


def validate_field(name: str, value: str) -> str:
    """Return the value as it is stored, without the spaces and line breaks around it.

    Raises:
        Invalid: the value cannot be right, or there is no such field; ``field`` is its name.
    """
    check = _CHECKS.get(name)
    if check is None:
        raise Invalid(N_("There is no such field."), field=name)
    return check(name, value.strip())


def parse_id(text: str) -> int | None:
    """The number of a partner or shop id (contract §7.1); None for anything but 1 to 4294967295 in plain digits."""
    if not _UINT32_DIGITS.fullmatch(text):  # int() would also take signs, underscores and other scripts' digits
        return None
    number = int(text)
    return number if 1 <= number <= _UINT32_MAX else None


def _check_id(name: str, text: str) -> str:
    number = parse_id(text)
    if number is None:
        raise Invalid(
            N_(
                "%(labels)s must be a whole number from 1 to %(uint32_max)s, digits only.",
                labels=_LABELS[name],
                uint32_max=_UINT32_MAX,
            ),
            field=name,
        )
    return str(number)


def _check_key(name: str, text: str) -> str:
    label = _LABELS[name]
    if not _PRINTABLE.fullmatch(text):
        raise Invalid(
            N_("%(label)s holds a space or a character that no key has, such as an emoji: copy it again.", label=label),
            field=name,
        )
    if not _LEAST_KEY_LENGTH <= len(text) <= _MOST_KEY_LENGTH:
        raise Invalid(
            N_(
                "%(label)s has %(text)s characters, but a key has %(least_key_length)s to %(most_key_length)s.",
                label=label,
                text=len(text),
                least_key_length=_LEAST_KEY_LENGTH,
                most_key_length=_MOST_KEY_LENGTH,
            ),
            field=name,
        )
    return text


def _check_region(name: str, text: str) -> str:
    region = text.upper()
    if region not in REGIONS:
        raise Invalid(
            N_("%(labels)s must be one of %(regions)s.", labels=_LABELS[name], regions=", ".join(REGIONS)), field=name
        )
    return region


def _check_host(name: str, text: str) -> str:
    if text not in {host.name for host in HOSTS}:
        raise Invalid(
            N_(
                "%(labels)s must be one of %(value)s.",
                labels=_LABELS[name],
                value=", ".join(host.name for host in HOSTS),
            ),
            field=name,
        )
    return text


def _check_opaque_id(name: str, text: str) -> str:
    if len(text) > _MOST_ID_LENGTH or not _PRINTABLE.fullmatch(text):
        raise Invalid(
            N_(
                "%(labels)s must be 1 to %(most_id_length)s letters, digits or signs.",
                labels=_LABELS[name],
                most_id_length=_MOST_ID_LENGTH,
            ),
            field=name,
        )
    return text


_LABELS: Final[Mapping[str, str]] = {field.name: field.label for field in FIELDS}
_CHECKS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "partner_id": _check_id,
    "partner_key": _check_key,
    "push_partner_key": _check_key,
    "shop_id": _check_id,
    "region": _check_region,
    "host": _check_host,
    "default_location_id": _check_opaque_id,
    "default_shipping_option_id": _check_opaque_id,
}
