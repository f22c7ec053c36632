"""What the simulated shops sell and who buys it; invented, only the ids follow from the seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from kedai.simulator.state.dice import digest

# (name, variants, price in Singapore cents, grams): accents and other scripts on purpose, they must survive every hop.
_PRODUCTS: tuple[tuple[str, tuple[str, ...], int, int], ...] = (
    ("Kopi Tubruk, ground coffee", ("250 g", "500 g", "1 kg"), 890, 250),
    ("Teh Tarik 拉茶 instant sachets", ("10 pcs", "30 pcs"), 650, 300),
    ("Gula Melaka palm sugar", ("300 g", "600 g"), 420, 320),
    ("Sambal Bajak crème", ("Mild", "Hot", "Extra hot"), 780, 210),
    ("Batik napkin set", ("Indigo", "Sogan", "Mega Mendung"), 2290, 180),
    ("Rattan tray, hand-woven", ("Small", "Medium", "Large"), 3450, 700),
    ("Enamel mug", ("White", "Green", "Red"), 990, 220),
    ("Keropok ikan crackers", ("150 g", "400 g"), 560, 160),
    ("Pandan extract 50 ml", ("Single", "Twin pack"), 480, 90),
    ("Jamu kunyit asam", ("250 ml", "1 l"), 1190, 400),
    ("Bamboo steamer 蒸笼", ("18 cm", "24 cm"), 1990, 650),
    ("Sarong, cotton", ("Blue", "Maroon"), 2790, 350),
    ("Mortar and pestle", ("Granite", "Basalt"), 4590, 3200),
    ("Canvas tote “Kedai”", ("Natural", "Black"), 1490, 190),
)
BUYERS = ("ayu", "budi", "chen.li", "dewi", "farid", "hui_min", "indra", "joão.s", "kavitha", "mei", "nurul", "raj")
MESSAGES = ("", "", "", "", "Please pack well, it is a gift.", "Tolong bubble wrap 🙏", "麻烦尽快发货,谢谢")
_PAYMENT_METHODS = {
    "SG": ("Credit/Debit Card", "PayNow", "Wallet"),
    "MY": ("Online Banking", "Wallet", "Cash on Delivery"),
    "ID": ("Bank Transfer", "Wallet", "Cash on Delivery"),
}
_PAYMENT_ELSEWHERE = ("Credit/Debit Card", "Wallet", "Cash on Delivery")
CANCEL_REASONS = {"seller": "OUT_OF_STOCK", "buyer": "CUSTOMER_REQUEST", "system": "UNPAID_TIMEOUT"}


@dataclass(frozen=True, slots=True)
class Variant:
    """One thing that can be bought; price in Singapore cents."""

    item_id: int
    item_name: str
    item_sku: str
    model_id: int
    model_name: str
    model_sku: str
    cents: int
    grams: int


@lru_cache(maxsize=64)
def variants(seed: int, shop_id: int) -> tuple[Variant, ...]:
    """Return everything the shop sells."""
    out = []
    for row, (name, models, cents, grams) in enumerate(_PRODUCTS, start=1):
        item_id = 20_000_000_000 + int(digest(seed, shop_id, "item", row), 16) % 9_000_000_000
        for place, model in enumerate(models, start=1):
            model_id = 100_000_000_000 + int(digest(seed, shop_id, "model", row, place), 16) % 90_000_000_000
            sku = f"KDI-{row:03d}"
            variant = Variant(
                item_id, name, sku, model_id, model, f"{sku}-{place}", cents * (place + 1) // 2, grams * place
            )
            out.append(variant)
    return tuple(out)


def payment_methods(region: str) -> tuple[str, ...]:
    """Return how buyers of a region pay."""
    return _PAYMENT_METHODS.get(region, _PAYMENT_ELSEWHERE)


def price_minor(cents: int, *, factor: int, decimals: int) -> int:
    """Return a price in minor units of the shop's currency; without decimals it is rounded to a hundred."""
    minor = cents * factor // 100
    return minor if decimals else max(100, minor // 100 * 100)
