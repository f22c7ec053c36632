"""The apps and shops of one environment, all derived from the seed (ids contract §7.1, currencies §7.2)."""

from __future__ import annotations

from dataclasses import dataclass

from kedai.simulator.state.dice import digest

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
