"""Feeds of products and objects: one reader per format, one mapping from rows to records."""

from index.feeds.columns import Defaults
from index.feeds.open_feed import FORMATS, detect, read_objects, read_products
from index.feeds.pictures import read_picture

__all__ = ["FORMATS", "Defaults", "detect", "read_objects", "read_picture", "read_products"]
