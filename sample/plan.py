"""What the sample contains: products, published objects, volunteers' photos. Decided before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest

import numpy as np

from sample.families import FAMILIES
from sample.family import Design, Family
from sample.names import AUTHORITIES, BRANDS, OBJECT_TITLES, RATES, RETAILERS, Authority

LATEST = date(2026, 6, 30)
"""The day on which the sample's shops were last looked at."""


@dataclass(frozen=True)
class Product:
    """A catalogue entry of the sample. `views` are indices into its family's studio views."""

    product_id: str
    design: Design
    title: str
    brand: str
    category: str
    retailer: str
    country: str
    price: str
    link: str
    first_seen: date
    last_seen: date
    views: tuple[int, ...]

    def picture(self, number: int) -> str:
        """The name of its picture `number` in the catalogue's folder."""
        return f"{self.product_id}-{number + 1}.webp"


@dataclass(frozen=True)
class PublishedObject:
    """An object of the sample: the product it truly is, and how many crops of it are published."""

    object_id: str
    title: str
    authority: Authority
    kind: str
    country: str
    published: date
    status: str
    tip_page: str
    product: Product
    crops: int

    def picture(self, number: int) -> str:
        return f"{self.object_id}-{number + 1}.jpg"

    @property
    def photo(self) -> str:
        """The name of the volunteer's photo of it."""
        return f"photo-{self.object_id.lower()}.jpg"


@dataclass(frozen=True)
class Plan:
    products: tuple[Product, ...]
    objects: tuple[PublishedObject, ...]


def draw_up(seed: int, products: int | None = None) -> Plan:
    """The whole sample for a seed, or its first `products` products, drawn from all families in turn."""
    in_turn = [d for row in zip_longest(*(f.designs for f in FAMILIES.values())) for d in row if d is not None]
    designs = in_turn if products is None else in_turn[:products]
    made = tuple(_product(seed, number, design) for number, design in enumerate(designs))
    return Plan(made, _objects(seed, made))


def _product(seed: int, number: int, design: Design) -> Product:
    rng = np.random.default_rng([seed, 1, number])
    family = FAMILIES[design.family]
    retailer = RETAILERS[int(rng.integers(len(RETAILERS)))]
    low, high = family.price
    euros = float(rng.uniform(low, high))
    price = f"{max(round(euros * RATES[retailer.currency]), 1) - 0.10:.2f} {retailer.currency}"
    product_id = f"{design.family[:2].upper()}{1000 + number * 7 + int(rng.integers(7))}"
    brand = family.brand(design) if family.brand else str(rng.choice(BRANDS[design.family]))
    first = LATEST - timedelta(days=int(rng.integers(200, 3400)))
    gone = rng.uniform() < 0.35
    last = first + timedelta(days=int((LATEST - first).days * rng.uniform(0.3, 0.95))) if gone else LATEST
    return Product(
        product_id=product_id,
        design=design,
        title=family.title(design),
        brand=brand,
        category=family.category,
        retailer=retailer.name,
        country=retailer.country,
        price=price,
        link=f"https://example.org/{retailer.slug}/{product_id.lower()}",
        first_seen=first,
        last_seen=last,
        views=(0, 1) if rng.uniform() < 0.35 and design.variant in _shown_twice(family) else (0,),
    )


def _shown_twice(family: Family) -> list[str]:
    """The variants of which a shop shows some products from a second side: the family's first two."""
    return list(dict.fromkeys(design.variant for design in family.designs))[:2]


def _objects(seed: int, products: tuple[Product, ...]) -> tuple[PublishedObject, ...]:
    """A share of every family is wanted by one of the authorities: two of every eleven products."""
    objects: list[PublishedObject] = []
    counts: dict[str, int] = {}
    wanted: dict[str, int] = {}
    for product in products:
        name = product.design.family
        counts[name] = counts.get(name, -1) + 1
        if counts[name] % 11 not in (1, 6):
            continue
        number = len(objects)
        rng = np.random.default_rng([seed, 2, number])
        authority = AUTHORITIES[int(rng.integers(len(AUTHORITIES)))]
        titles = OBJECT_TITLES[name]
        wanted[name] = wanted.get(name, -1) + 1
        object_id = f"{authority.prefix}-{2200 + number * 3 + int(rng.integers(3))}"
        objects.append(
            PublishedObject(
                object_id=object_id,
                title=titles[wanted[name] % len(titles)],
                authority=authority,
                kind=name,
                country=authority.country,
                published=LATEST - timedelta(days=int(rng.integers(5, 900))),
                status=str(rng.choice(["open", "open", "open", "open", "identified", "closed"])),
                tip_page=f"https://example.org/{authority.slug}/objects/{object_id.lower()}",
                product=product,
                crops=int(rng.choice([1, 1, 1, 2])),
            )
        )
    return tuple(objects)
