"""Feeds of products and objects: one reader per format, one mapping from rows to records."""

from index.sources.feeds.mapping import Defaults
from index.sources.feeds.open_feed import FORMATS, detect, read_objects, read_products
from index.sources.feeds.pictures import read_picture

__all__ = ["FORMATS", "Defaults", "detect", "read_objects", "read_picture", "read_products"]
