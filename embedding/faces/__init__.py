"""Face detection: whether a picture shows a face."""
