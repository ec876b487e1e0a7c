"""The ObjectStore seam: bytes by key, in a folder or in a bucket."""
