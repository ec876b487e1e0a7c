"""Invented names: retailers, brands, authorities. None of them exists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Retailer:
    name: str
    country: str
    currency: str

    @property
    def slug(self) -> str:
        """The retailer's part of an address."""
        return "".join(c for c in self.name.lower().replace(" ", "-") if c.isascii() and (c.isalnum() or c == "-"))


RETAILERS = (
    Retailer("Hallmarkt", "DE", "EUR"),
    Retailer("Maison Calade", "FR", "EUR"),
    Retailer("Woonkade", "NL", "EUR"),
    Retailer("Casa Olmo", "IT", "EUR"),
    Retailer("Lund and Linden", "SE", "SEK"),
    Retailer("Brightwell", "GB", "GBP"),
    Retailer("Tienda Norte", "ES", "EUR"),
    Retailer("Domek Bazar", "PL", "PLN"),
    Retailer("Maple Row", "CA", "CAD"),
    Retailer("Southerly Home", "NZ", "NZD"),
)

RATES = {"EUR": 1.0, "SEK": 11.2, "GBP": 0.85, "PLN": 4.3, "CAD": 1.5, "NZD": 1.8}
"""Prices are drawn in euros and shown in the retailer's money."""

BRANDS = {
    "cushion": ("Vale & Thread", "Lumo", "Kissen Nord"),
    "mug": ("Tonwerk", "Pottery Lane", "Blå Kopp"),
    "tile": ("Cerâmica Alvora", "Fliesen Rau"),
    "wallpaper": ("Papierhof", "Calder & Wren", "Mur Mur"),
    "textile": ("Stoffel", "Calder & Wren", "Telar"),
    "curtain": ("Vale & Thread", "Fenster & Falte"),
    "lamp": ("Luzia", "Halo Nord", "Lampert"),
    "plate": ("Pottery Lane", "Tonwerk", "Mesa Clara"),
    "toy": ("Puckle", "Teddiboo", "Nounou & Cie"),
    "beanie": ("Ullfar", "Nordknit"),
}
"""Brands of products that do not show one themselves."""


@dataclass(frozen=True)
class Authority:
    """Who publishes objects in the sample."""

    name: str
    prefix: str
    country: str
    slug: str


AUTHORITIES = (
    Authority("Meridian Police Cooperation", "MPC", "XM", "meridian"),
    Authority("Federal Police of Halvern", "HV", "XH", "halvern"),
)

OBJECT_TITLES = {
    "mug": ("Mug on a table", "Coffee mug", "Mug with a print"),
    "box": ("Printed box", "Packaging with lettering", "Box in the background"),
    "cushion": ("Cushion on a sofa", "Patterned cushion", "Cushion"),
    "tile": ("Tiled wall", "Wall tiles with a pattern", "Kitchen tiles"),
    "wallpaper": ("Wallpaper of a bedroom", "Patterned wallpaper", "Wall covering"),
    "textile": ("Bed cover", "Patterned cloth", "Bed linen"),
    "curtain": ("Curtain at a window", "Patterned curtain", "Curtain"),
    "lamp": ("Table lamp", "Lamp with a shade", "Bedside lamp"),
    "plate": ("Plate on a table", "Decorated plate", "Plate"),
    "toy": ("Plush toy", "Soft toy on a bed", "Stuffed animal"),
    "bag": ("Bag on the floor", "Bag with a print", "Bag"),
    "shoe": ("Trainer", "Shoe on the floor", "Sports shoe"),
    "beanie": ("Knitted hat", "Woollen hat", "Hat"),
    "shirt": ("T-shirt with a print", "Shirt with a logo", "T-shirt"),
    "bottle": ("Bottle with a label", "Plastic bottle", "Bottle"),
}
"""What an authority calls such a thing before anyone knows what it is."""
