"""The only reader of the process environment: typed, frozen, checked at start."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kedai.errors import SettingsInvalid
from kedai.values.app import ConsentLink
from kedai.values.environment import Environment
from kedai.values.pace import Pace

DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class ExtraHost:
    """A host preset that the installer adds (`KEDAI_EXTRA_HOSTS`); never typed into a form."""

    name: str
    api_url: str
    auth_url: str
    environment: Environment


class Settings(BaseSettings):
    """`KEDAI_*` settings. Secrets are `SecretStr`; nothing here is read again after start."""

    model_config = SettingsConfigDict(env_prefix="KEDAI_", frozen=True, extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Path("kedai-data")
    database_url: str = ""
    public_url: str = DEFAULT_PUBLIC_URL
    previous_public_urls: Annotated[tuple[str, ...], NoDecode] = ()
    master_keys: SecretStr | None = None
    master_keys_file: Path | None = None
    v1_secret: SecretStr | None = None
    v1_salt: str = ""
    v1_info: str = ""
    extra_hosts: Annotated[tuple[ExtraHost, ...], NoDecode] = ()
    consent_link: ConsentLink = ConsentLink.SIGNED
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    inactive_events: Literal["park", "drop"] = "park"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    crash_at: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="crash points, for tests only")
    call_log_days: int = Field(default=14, ge=1, le=365)
    call_log_rows: int = Field(default=100_000, ge=1_000, le=5_000_000)
    lease_seconds: int = Field(default=45, ge=1, le=600)
    calls_per_second: float = Field(default=10.0, ge=0.1, le=1000.0)
    calls_burst: int = Field(default=10, ge=2, le=1000)
    event_days: int = Field(default=90, ge=7, le=3650)
    answer_days: int = Field(default=180, ge=7, le=3650)
    rejected_days: int = Field(default=30, ge=1, le=3650)
    run_days: int = Field(default=90, ge=7, le=3650)
    coverage_days: int = Field(default=400, ge=31, le=3650)
    figure_days: int = Field(default=400, ge=7, le=3650)
    personal_data_days: int = Field(default=180, ge=7, le=3650)

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str) -> str:
        return checked_public_url(value)

    @field_validator("previous_public_urls", mode="before")
    @classmethod
    def _previous(cls, value: object) -> object:
        return tuple(checked_public_url(one) for one in _split(value, ",")) if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _trusted_proxies(cls, value: object) -> object:
        return tuple(_network(one) for one in _split(value, ",")) if isinstance(value, str) else value

    @field_validator("crash_at", mode="before")
    @classmethod
    def _crash_at(cls, value: object) -> object:
        return tuple(_split(value, ",")) if isinstance(value, str) else value

    @field_validator("extra_hosts", mode="before")
    @classmethod
    def _extra_hosts(cls, value: object) -> object:
        return tuple(_extra_host(one) for one in _split(value, ";")) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        for prefix in ("postgres://", "postgresql://"):
            if value.startswith(prefix):
                return "postgresql+psycopg://" + value.removeprefix(prefix)
        if value and not value.startswith(("postgresql+psycopg://", "sqlite:///")):
            raise ValueError("must start with postgresql:// or sqlite:///")
        return value

    @property
    def resolved_database_url(self) -> str:
        """The URL to open: the given one, or the embedded SQLite file in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'kedai.sqlite3'}"

    @property
    def token_spool_dir(self) -> Path:
        """Where a renewed token pair is saved before it is stored."""
        return self.data_dir / "token-spool"

    @property
    def given_public_url(self) -> str:
        """The public URL that somebody set, or nothing where the default or a listening address stands in for it."""
        return self.public_url if "public_url" in self.model_fields_set else ""

    @property
    def pace(self) -> Pace:
        """How fast one app may call for one shop."""
        return Pace(self.calls_per_second, self.calls_burst)

    @property
    def embedded(self) -> bool:
        """Whether this installation runs on SQLite: one process, one file."""
        return self.resolved_database_url.startswith("sqlite")


class ShopeeSeed(BaseSettings):
    """`SHOPEE_*`: advisory values, read once to fill the sandbox row on the very first boot."""

    model_config = SettingsConfigDict(env_prefix="SHOPEE_", frozen=True, extra="ignore", hide_input_in_errors=True)

    partner_id: str = ""
    partner_key: SecretStr = SecretStr("")
    push_partner_key: SecretStr = SecretStr("")
    shop_id: str = ""
    region: str = ""
    default_location_id: str = ""
    default_shipping_option_id: str = ""


def load_settings() -> Settings:
    """Read `KEDAI_*`.

    Raises:
        SettingsInvalid: with one line that names the setting and never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "KEDAI_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsInvalid(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def child_environment(own: Mapping[str, str]) -> dict[str, str]:
    """The environment for a child process of ours: this one's, without its `KEDAI_*` and `SHOPEE_*`, with ``own``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KEDAI_", "SHOPEE_"))}
    return {**kept, **own}


def checked_public_url(value: str) -> str:
    """A base URL without a trailing slash: https, or http on loopback only (`__Host-` cookies need it)."""
    text = value.strip().rstrip("/")
    if len(text) > 2000 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a plain ASCII URL of at most 2000 characters")
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an absolute http(s) URL")
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ValueError("must have no user, query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https (http is accepted on loopback only)")
    _ = parts.port  # raises ValueError for a port out of range
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(value: str, separator: str) -> list[str]:
    return [part.strip() for part in value.split(separator) if part.strip()]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError("each entry is an address or a network, for example 10.0.0.5 or 10.0.0.0/8") from None


def _extra_host(text: str) -> ExtraHost:
    name, equals, rest = text.partition("=")
    fields = rest.split("|")
    if not equals or len(fields) != 3 or not name.strip().isidentifier():
        raise ValueError("each entry is name=api_url|auth_url|environment")
    api_url, auth_url, environment = (field.strip() for field in fields)
    if environment not in set(Environment):
        raise ValueError("the environment of an entry is sandbox or live")
    return ExtraHost(name.strip(), checked_public_url(api_url), checked_public_url(auth_url), Environment(environment))
