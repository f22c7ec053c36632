"""Where Kedai stands: key material, database, disk and addresses. Needs the settings alone, and writes nothing."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from kedai.db.base import SCHEMA_REVISION
from kedai.db.database import Database
from kedai.db.standing import Standing, read_standing
from kedai.doctor.finding import Finding, State, finding, passed, skipped
from kedai.errors import SettingsInvalid, StorageUnavailable
from kedai.kit.clock import Clock
from kedai.settings import Settings
from kedai.sync.preflight.place import FAIL_SECONDS, WARN_SECONDS
from kedai.values.wording import N_, joined
from kedai.vault.keys import load_master_keys

_MEBIBYTE: Final = 1024 * 1024
FULL_BELOW: Final = 256 * _MEBIBYTE
TIGHT_BELOW: Final = 1024 * _MEBIBYTE
MINIMUM_POSTGRESQL: Final = 15


def look_at_settings(settings: Settings) -> list[Finding]:
    """What the settings alone tell."""
    given = sorted(f"KEDAI_{name.upper()}" for name in settings.model_fields_set)
    config = passed("config", N_("Valid. Set here: %(value)s.", value=", ".join(given) or N_("none, all are defaults")))
    return [config, _judge_keys(settings), _judge_public_url(settings), _judge_proxies(settings)]


def look_at_storage(settings: Settings, clock: Clock) -> list[Finding]:
    """Database and disk, over connections of its own; a database that is not there is not made."""
    return [_judge_disk(settings), *_look_at_database(settings, clock)]


def is_usable(found: list[Finding]) -> bool:
    """Whether enough is right to open the installation."""
    return all(
        one.state in {State.PASS, State.WARN} for one in found if one.id in {"master_keys", "database", "schema"}
    )


def _judge_keys(settings: Settings) -> Finding:
    try:
        keys = load_master_keys(settings)
    except SettingsInvalid as error:
        fix = N_("Give back the key as it was. A new one opens nothing that is stored.")
        return finding("master_keys", State.FAIL, error.message, fix)
    if not keys:
        fix = N_("Set KEDAI_MASTER_KEYS_FILE; “kedai serve” on SQLite makes a key of its own at its first start.")
        return finding("master_keys", State.FAIL, N_("There is no master key."), fix)
    return passed("master_keys", N_("%(keys)s: 32 bytes each.", keys=", ".join(keys)))


def _judge_public_url(settings: Settings) -> Finding:
    url = settings.public_url
    if url.startswith("https://"):
        return passed("public_url", N_("%(url)s is https.", url=url))
    fix = N_("Set KEDAI_PUBLIC_URL to the https address under which the proxy in front passes requests on.")
    return finding(
        "public_url", State.WARN, N_("%(url)s is on this machine alone: no marketplace can push to it.", url=url), fix
    )


def _judge_proxies(settings: Settings) -> Finding:
    networks = ", ".join(str(one) for one in settings.trusted_proxies)
    if networks:
        return passed("trusted_proxies", N_("%(networks)s may say whom a request is from.", networks=networks))
    if settings.public_url.startswith("http://"):
        return skipped("trusted_proxies", N_("There is no proxy: the address is plain http on this machine."))
    fix = N_("Set KEDAI_TRUSTED_PROXIES to the proxy's address, or all sign-ins seem to come from one place.")
    found = N_("The address is https, so that a proxy stands in front, and none is trusted to name the sender.")
    return finding("trusted_proxies", State.WARN, found, fix)


def _judge_disk(settings: Settings) -> Finding:
    places = {_existing(settings.data_dir)}
    if settings.embedded:
        places.add(_existing(_file_of(settings).parent))
    free = {place: shutil.disk_usage(place).free for place in places}
    place, room = min(free.items(), key=lambda one: one[1])
    found = N_("%(room)s MiB are free at %(place)s.", room=room // _MEBIBYTE, place=place)
    if not settings.embedded:
        found = joined(" ", [found, N_("The disk of PostgreSQL is not seen from here.")])
    fix = N_("Make room: renewed tokens are saved there before they are stored, and SQLite stops when it is full.")
    if room < FULL_BELOW:
        return finding("disk_space", State.FAIL, found, fix)
    return finding("disk_space", State.WARN, found, fix) if room < TIGHT_BELOW else passed("disk_space", found)


def _look_at_database(settings: Settings, clock: Clock) -> list[Finding]:
    if settings.embedded and not _file_of(settings).exists():
        fix = N_("Start “kedai serve”, which makes it, or set KEDAI_DATA_DIR to where it is.")
        return [
            finding(
                "database",
                State.FAIL,
                N_("There is no database at %(settings)s yet.", settings=_file_of(settings)),
                fix,
            )
        ]
    try:
        with closing(Database(settings.resolved_database_url, pool_size=1)) as database, database.read() as db:
            began = clock.now()
            standing = read_standing(db)
            ended = clock.now()
    except (StorageUnavailable, DBAPIError, OSError):
        fix = N_("Is the database running, and is KEDAI_DATABASE_URL right? Look at its own log.")
        return [finding("database", State.FAIL, N_("It does not answer."), fix)]
    off = None if standing.now is None else (began + (ended - began) / 2 - standing.now).total_seconds()
    return [judge_version(standing), judge_durability(standing), judge_schema(standing.revision), judge_offset(off)]


def judge_version(standing: Standing) -> Finding:
    """Too old a PostgreSQL is none that the tests know; too old an SQLite does not open at all."""
    name = "PostgreSQL" if standing.product == "postgresql" else "SQLite"
    found = f"{name} {standing.version}"
    if name == "PostgreSQL" and int(standing.version.partition(".")[0]) < MINIMUM_POSTGRESQL:
        fix = N_("Move to PostgreSQL %(minimum_postgresql)s or newer.", minimum_postgresql=MINIMUM_POSTGRESQL)
        return finding("database", State.WARN, N_("%(found)s: older than what Kedai is tested on.", found=found), fix)
    return passed("database", N_("%(address)s answers.", address=found))


def judge_durability(standing: Standing) -> Finding:
    """A push is answered when its commit is durable: then it must be."""
    found = ", ".join(f"{name} = {value}" for name, value in standing.durability.items())
    if standing.lapses:
        fix = N_(
            "Set %(lapses)s back to its default: confirmed pushes can be lost in a power cut.",
            lapses=", ".join(standing.lapses),
        )
        return finding("durability", State.FAIL, found, fix)
    return passed("durability", found)


def judge_schema(revision: str | None) -> Finding:
    """A newer one is no trouble: what a later version adds disturbs nobody."""
    if revision is None or revision < SCHEMA_REVISION:  # they are numbers of four digits
        found = N_(
            "It is at %(value)s, this version needs %(schema_revision)s.",
            value=revision or N_("nothing"),
            schema_revision=SCHEMA_REVISION,
        )
        return finding(
            "schema", State.FAIL, found, N_("Run “kedai db upgrade” (“kedai serve” on SQLite does it itself).")
        )
    if revision > SCHEMA_REVISION:
        found = N_(
            "It is at %(revision)s, made by a newer version; this one knows %(schema_revision)s.",
            revision=revision,
            schema_revision=SCHEMA_REVISION,
        )
        return finding("schema", State.WARN, found, N_("Finish the upgrade: start the newer version everywhere."))
    return passed("schema", N_("It is at %(revision)s.", revision=revision))


def judge_offset(seconds: float | None) -> Finding:
    """Ours against the database's, in seconds ahead; ``None`` where the database has no clock."""
    if seconds is None:
        return skipped("database_clock", N_("SQLite has no clock of its own."))
    found = N_("Off by %(seconds)s s.", seconds=abs(round(seconds)))
    fix = N_("Set both machines' clocks by NTP (for example systemd-timesyncd or chrony).")
    if abs(seconds) > FAIL_SECONDS:
        return finding("database_clock", State.FAIL, found, fix)
    if abs(seconds) > WARN_SECONDS:
        return finding("database_clock", State.WARN, found, fix)
    return passed("database_clock", found)


def _existing(path: Path) -> Path:
    """The directory itself, or the nearest one above that exists."""
    whole = path.absolute()
    return next(one for one in (whole, *whole.parents) if one.exists())


def _file_of(settings: Settings) -> Path:
    return Path(make_url(settings.resolved_database_url).database or "")
