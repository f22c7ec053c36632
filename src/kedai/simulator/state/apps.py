"""The apps, shops, merchants and main accounts of one environment, all derived from the seed (contract §7.1, §7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from kedai.simulator.state.authorizations import Subject
from kedai.simulator.state.dice import digest
from kedai.simulator.state.lost import LostQueue
from kedai.simulator.state.push_settings import PushSettings

ENVIRONMENTS = ("sandbox", "live")
# (region, currency, decimals, minor units per Singapore cent times 100): two decimals in SG and MY, none in ID.
_MARKETS = {
    "SG": ("SGD", 2, 100),
    "MY": ("MYR", 2, 330),
    "ID": ("IDR", 0, 11_500),
    "TH": ("THB", 0, 26),
    "VN": ("VND", 0, 18_500),
    "PH": ("PHP", 0, 42),
    "TW": ("TWD", 0, 24),
    "BR": ("BRL", 2, 400),
    "MX": ("MXN", 2, 1_350),
    "CO": ("COP", 0, 3_000),
    "CL": ("CLP", 0, 700),
}
REGIONS = tuple(_MARKETS)
_SHOPS = {
    "sandbox": (("SG", "Kopi Corner SG (sandbox)"), ("MY", "Kedai Warung MY (sandbox)")),
    "live": (("SG", "Kopi Corner SG"), ("ID", "Toko Melati ID")),
}
# Far apart, so that a sandbox id can never be a live one whatever the seed.
_PARTNER_BASE = {"sandbox": 1_000_000, "live": 2_000_000}
_SHOP_BASE = {"sandbox": 220_000_000, "live": 620_000_000}
_MERCHANT_BASE = {"sandbox": 3_000_000, "live": 7_000_000}
_MAIN_ACCOUNT_BASE = {"sandbox": 40_000_000, "live": 80_000_000}


@dataclass(slots=True)
class App:
    """A registered app of one environment; keys are opaque text, plainly fake."""

    environment: str
    partner_id: int
    name: str
    partner_key: str
    push_partner_key: str
    callback_url: str | None = None
    redirect_domain: str | None = None
    push: PushSettings = field(default_factory=PushSettings)
    lost: LostQueue = field(default_factory=LostQueue)


@dataclass(slots=True)
class Shop:
    """A shop of one environment."""

    environment: str
    shop_id: int
    shop_name: str
    region: str
    currency: str
    decimals: int
    price_factor: int
    description: str = "An invented shop of a simulated market."


@dataclass(slots=True)
class Merchant:
    """A merchant of one environment: what stands above several shops."""

    environment: str
    merchant_id: int
    merchant_name: str
    region: str
    currency: str


@dataclass(slots=True)
class MainAccount:
    """An account that can consent for several shops and merchants at once."""

    environment: str
    main_account_id: int
    shop_ids: tuple[int, ...]
    merchant_ids: tuple[int, ...]

    def subjects(self, *, with_merchants: bool = True) -> tuple[Subject, ...]:
        """Return everybody it can consent for; merchants only if the seller ticks their box."""
        shops = tuple(Subject("shop", shop_id) for shop_id in self.shop_ids)
        merchants = tuple(Subject("merchant", merchant_id) for merchant_id in self.merchant_ids)
        return shops + merchants if with_merchants else shops


def found_app(seed: int, environment: str, index: int = 0, name: str = "Kedai connector") -> App:
    """Return the environment's app of that number, counting from 0."""
    # The first one's names are without a number: its keys stay what they always were.
    tail = (index,) if index else ()
    offset = int(digest(seed, environment, "partner_id", *tail), 16) % 1_000_000
    return App(
        environment=environment,
        partner_id=_PARTNER_BASE[environment] + index * 10_000_000 + offset,
        name=name,
        partner_key="shpk" + digest(seed, environment, "partner_key", *tail)[:60],
        push_partner_key="shpk" + digest(seed, environment, "push_partner_key", *tail)[:60],
    )


def found_shops(seed: int, environment: str) -> list[Shop]:
    """Return the environment's two shops, of different regions and currencies."""
    return [
        found_shop(seed, environment, index, region, name) for index, (region, name) in enumerate(_SHOPS[environment])
    ]


def found_shop(seed: int, environment: str, index: int, region: str, name: str) -> Shop:
    """Return the environment's shop of that number, counting from 0; ids of different numbers never meet."""
    currency, decimals, factor = _MARKETS[region]
    offset = int(digest(seed, environment, "shop", index), 16) % 10_000_000
    shop_id = _SHOP_BASE[environment] + index * 10_000_000 + offset
    return Shop(environment, shop_id, name, region, currency, decimals, factor)


def found_merchant(seed: int, environment: str, index: int = 0, name: str = "", region: str = "SG") -> Merchant:
    """Return the environment's merchant of that number, counting from 0."""
    tail = (index,) if index else ()
    offset = int(digest(seed, environment, "merchant", *tail), 16) % 1_000_000
    usual = "Kopi Group" if environment == "live" else "Kopi Group (sandbox)"
    merchant_id = _MERCHANT_BASE[environment] + index * 10_000_000 + offset
    return Merchant(environment, merchant_id, name or usual, region, _MARKETS[region][0])


def found_main_account(
    seed: int, environment: str, shop_ids: tuple[int, ...], merchant_ids: tuple[int, ...], index: int = 0
) -> MainAccount:
    """Return the environment's main account of that number, counting from 0, over these shops and merchants."""
    tail = (index,) if index else ()
    offset = int(digest(seed, environment, "main_account", *tail), 16) % 1_000_000
    number = _MAIN_ACCOUNT_BASE[environment] + index * 100_000_000 + offset
    return MainAccount(environment, number, shop_ids, merchant_ids)
