"""Polite and safe download of pictures by URL. Knows nothing of catalogues; see fetch_all."""

from index.fetching.fetch import fetch_all
from index.fetching.fetcher import Outside
from index.fetching.hosts import Clock
from index.fetching.outcomes import (
    Fetched,
    FetchLimits,
    FetchRefused,
    FetchSettingInvalid,
    NotModified,
    Outcome,
    Reason,
    Request,
)

__all__ = [
    "Clock",
    "FetchLimits",
    "FetchRefused",
    "FetchSettingInvalid",
    "Fetched",
    "NotModified",
    "Outcome",
    "Outside",
    "Reason",
    "Request",
    "fetch_all",
]
