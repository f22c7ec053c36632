"""The apps, shops, merchants and main accounts of one environment, all derived from the seed (contract §7.1, §7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from kedai.simulator.state.authorizations import Subject
from kedai.simulator.state.dice import digest
from kedai.simulator.state.push_settings import PushSettings

ENVIRONMENTS = ("sandbox", "live")
# (region, currency, decimals, minor units per Singapore cent times 100): two decimals in SG and MY, none in ID.
_MARKETS = {"SG": ("SGD", 2, 100), "MY": ("MYR", 2, 330), "ID": ("IDR", 0, 11_500)}
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


def found_app(seed: int, environment: str) -> App:
    """Return the environment's one app."""
    partner_id = _PARTNER_BASE[environment] + int(digest(seed, environment, "partner_id"), 16) % 1_000_000
    return App(
        environment=environment,
        partner_id=partner_id,
        name="Kedai connector",
        partner_key="shpk" + digest(seed, environment, "partner_key")[:60],
        push_partner_key="shpk" + digest(seed, environment, "push_partner_key")[:60],
    )


def found_shops(seed: int, environment: str) -> list[Shop]:
    """Return the environment's two shops, of different regions and currencies."""
    shops = []
    for index, (region, name) in enumerate(_SHOPS[environment]):
        currency, decimals, factor = _MARKETS[region]
        offset = int(digest(seed, environment, "shop", index), 16) % 10_000_000
        shop_id = _SHOP_BASE[environment] + index * 10_000_000 + offset
        shops.append(Shop(environment, shop_id, name, region, currency, decimals, factor))
    return shops


def found_merchant(seed: int, environment: str) -> Merchant:
    """Return the environment's one merchant."""
    merchant_id = _MERCHANT_BASE[environment] + int(digest(seed, environment, "merchant"), 16) % 1_000_000
    name = "Kopi Group" if environment == "live" else "Kopi Group (sandbox)"
    return Merchant(environment, merchant_id, name, "SG", "SGD")


def found_main_account(seed: int, environment: str, shops: list[Shop], merchant: Merchant) -> MainAccount:
    """Return the account that holds all of the environment's shops and its merchant."""
    number = _MAIN_ACCOUNT_BASE[environment] + int(digest(seed, environment, "main_account"), 16) % 1_000_000
    return MainAccount(environment, number, tuple(shop.shop_id for shop in shops), (merchant.merchant_id,))
