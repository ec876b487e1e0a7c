"""Sources on the web: whatever lies at an address becomes a feed on disk, which is then read like any other.

`delivery.py` chooses by what lies there; every request goes through the guard of index/sources/fetching.
"""
