"""What is stored of the installation: keys, environments, processes; and whether signatures come out right."""

from __future__ import annotations

import hmac
from typing import Final

from sqlalchemy.orm import Session

from kedai.connectors.base import Connector, PushesToUs
from kedai.doctor.finding import Finding, State, finding, passed, skipped
from kedai.errors import BadSignature, NotFound
from kedai.notifications.queries import FAILING, list_channels
from kedai.runtime import Runtime
from kedai.sync.keys import RingView, read_ring
from kedai.sync.parity import Verdict, compare
from kedai.sync.urls import webhook_paths, webhook_urls
from kedai.values.credentials import PushKey, PushKeys
from kedai.values.environment import ConnectorName, Environment
from kedai.values.secret import Secret
from kedai.values.wording import N_, joined
from kedai.vault.processes import WORKERS, list_processes
from kedai.vault.queries import get_credentials
from kedai.vault.rotation import V1

_KEYS_PAGE: Final = "/settings/keys"
_MOST_WRITES: Final = 2**31
"""Half of what a key may seal: time to turn the ring."""

_RFC_4231: Final = (
    b"Jefe",
    b"what do ya want for nothing?",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
)
"""Key, message and HMAC-SHA256 of the standard's second test case."""

_PROBE_KEY: Final = Secret("a key to try signatures with, of no use anywhere")


def look_at_installation(runtime: Runtime) -> list[Finding]:
    """Reads in one transaction."""
    with runtime.web_db.read() as db:
        ring = read_ring(db, runtime.ring)
        found = [*_judge_ring(ring), _judge_environments(runtime, db), _judge_same_keys(runtime, db)]
        found += [*_judge_processes(runtime, db), _judge_channels(db)]
    return [*found, _judge_signatures(runtime)]


def _judge_ring(ring: RingView) -> list[Finding]:
    return [_judge_canary(ring), _judge_use(ring), _judge_v1(ring)]


def _judge_canary(ring: RingView) -> Finding:
    if ring.trouble is None:
        held = ", ".join(one.kid for one in ring.keys if one.at_hand == "yes" and one.kid != V1)
        return passed(
            "key_canary",
            N_(
                "Opened with %(value)s; the primary is %(value2)s.",
                value=held or N_("no key"),
                value2=ring.primary or N_("none"),
            ),
        )
    fix = N_("Give this server the master key that is named, as it was, and start it again.")
    return finding(
        "key_canary", State.FAIL, N_("This installation %(trouble)s.", trouble=ring.trouble), fix, go=_KEYS_PAGE
    )


def _judge_use(ring: RingView) -> Finding:
    lost = [one for one in ring.keys if one.values and one.at_hand != "yes" and one.kid != V1]
    if lost or ring.unknown:
        names = ", ".join([f"{one.kid} ({one.values:,})" for one in lost] + list(ring.unknown))
        fix = N_("Give this server the master key that is named, or enter the secrets that it sealed anew.")
        return finding(
            "key_use", State.FAIL, N_("Sealed with a key that is not here: %(names)s.", names=names), fix, go=_KEYS_PAGE
        )
    used = ", ".join(f"{one.kid} {one.values:,}" for one in ring.keys if one.values and one.kid != V1)
    evidence = N_("Stored secrets by key: %(value)s.", value=used or N_("none yet"))
    worn = [one.kid for one in ring.keys if (one.writes or 0) > _MOST_WRITES]
    if worn:
        fix = N_("Add a new master key and promote it; then seal everything again.")
        return finding(
            "key_use",
            State.WARN,
            joined(" ", [evidence, N_("Worn: %(keys)s.", keys=", ".join(worn))]),
            fix,
            go=_KEYS_PAGE,
        )
    return passed("key_use", evidence)


def _judge_v1(ring: RingView) -> Finding:
    left = sum(one.values for one in ring.keys if one.kid == V1)
    if not left:
        return passed("v1_rows", N_("None."))
    fix = N_(
        "Run “kedai keys rewrap”, then “kedai keys retire v1”: until then a secret could be moved from row to row."
    )
    return finding("v1_rows", State.WARN, N_("%(number)s left.", number=left), fix, go=_KEYS_PAGE)


def _judge_environments(runtime: Runtime, db: Session) -> Finding:
    missing = [
        f"{connector.label} {environment.value}"
        for name, connector in runtime.connectors.items()
        for environment in Environment
        if not _exists(db, name, environment)
    ]
    if missing:
        fix = N_("Start “kedai serve” with its master keys: it makes what is missing.")
        return finding("environments", State.FAIL, N_("Missing: %(names)s.", names=", ".join(missing)), fix)
    return passed(
        "environments",
        N_("Sandbox and live of %(value)s.", value=", ".join(one.label for one in runtime.connectors.values())),
    )


def _exists(db: Session, name: ConnectorName, environment: Environment) -> bool:
    try:
        get_credentials(db, name, environment)
    except NotFound:
        return False
    return True


def _judge_same_keys(runtime: Runtime, db: Session) -> Finding:
    same = []
    for name, connector in runtime.connectors.items():
        if all(_exists(db, name, one) for one in Environment):
            pairs = compare(runtime.parts, db, name).fields
            same += [
                f"{connector.label}: {one.label}"
                for one in pairs
                if one.secret and one.verdict in {Verdict.SAME, Verdict.SAME_BUT_SHOULD_DIFFER}
            ]
    if same:
        fix = N_("Enter each environment's own key: with one key for both a push of one passes for one of the other.")
        where = f"/connectors/{next(iter(runtime.connectors))}/parity"
        return finding("same_key", State.FAIL, N_("The same in both: %(same)s.", same=", ".join(same)), fix, go=where)
    return passed("same_key", N_("All differ, or are set in one alone."))


def _judge_processes(runtime: Runtime, db: Session) -> list[Finding]:
    alive = list_processes(db)
    workers = [one for one in alive if one.role in WORKERS]
    hosts = {one.host for one in alive}
    if workers:
        names = joined(", ", [N_("%(role)s on %(host)s", role=one.role, host=one.host) for one in workers])
        worker = passed("worker", N_("Seen within the last minute: %(names)s.", names=names))
    else:
        fix = N_("Start “kedai serve” (on PostgreSQL also “kedai worker”): without one nothing is worked on.")
        worker = finding("worker", State.FAIL, N_("None was seen within the last minute."), fix)
    return [worker, _judge_data_dir(runtime, hosts)]


def _judge_data_dir(runtime: Runtime, hosts: set[str]) -> Finding:
    place = runtime.settings.data_dir.absolute()
    if "data_dir" not in runtime.settings.model_fields_set and (len(hosts) > 1 or not runtime.settings.embedded):
        fix = N_("Set KEDAI_DATA_DIR to a directory that outlasts the process: renewed tokens are saved there first.")
        return finding(
            "data_dir", State.WARN, N_("KEDAI_DATA_DIR is not set; %(place)s stands in for it.", place=place), fix
        )
    return passed("data_dir", str(place))


def _judge_channels(db: Session) -> Finding:
    """None at all is a choice, and no fault."""
    used = [one for one in list_channels(db) if one.paused_at is None]
    failing = [one for one in used if one.failures >= FAILING]
    if not used:
        return skipped("notifications", N_("Nobody is told: there is no channel, or all are paused."))
    if not failing:
        return passed("notifications", N_("Channels: %(names)s.", names=", ".join(one.name for one in used)))
    found = joined("; ", [N_("%(name)s: %(problem)s", name=one.name, problem=N_(one.last_error)) for one in failing])
    fix = N_("Open the channel, mend it, and send a test.")
    return finding("notifications", State.WARN, found, fix, go="/settings/notifications")


def _judge_signatures(runtime: Runtime) -> Finding:
    key, message, expected = _RFC_4231
    wrong: list[str] = (
        [] if hmac.digest(key, message, "sha256").hex() == expected else [N_("the standard's own example")]
    )
    tried = [one for one in runtime.connectors.values() if isinstance(one, PushesToUs)]
    wrong += [one.label for one in tried if not _knows_its_own(runtime, one)]
    if wrong:
        fix = N_("Install Kedai and its libraries anew: every push would be refused, and every call.")
        return finding("hmac", State.FAIL, N_("Wrong: %(names)s.", names=joined(", ", wrong)), fix)
    also = joined("", [N_(", and a push as %(label)s signs it", label=one.label) for one in tried])
    return passed("hmac", N_("The example of RFC 4231 comes out%(also)s; one changed byte is refused.", also=also))


def _knows_its_own(runtime: Runtime, connector: Connector) -> bool:
    """A push that we sign verifies, and the same with one byte changed does not."""
    assert isinstance(connector, PushesToUs)
    environment = Environment.SANDBOX
    url = webhook_urls(runtime.settings, connector.name, environment)[0]
    path = webhook_paths(connector.name, environment)[0]
    push = connector.sign_probe(_PROBE_KEY, url, runtime.clock.now())
    keys = PushKeys(connector.name, environment, 0, (PushKey("current", _PROBE_KEY),), (url,))
    headers = {name.lower().encode(): value.encode() for name, value in push.headers.items()}
    try:
        connector.verify_push(keys, headers, path, push.body)
    except BadSignature:
        return False
    changed = push.body[:-1] + bytes([push.body[-1] ^ 1])
    try:
        connector.verify_push(keys, headers, path, changed)
    except BadSignature:
        return True
    return False
