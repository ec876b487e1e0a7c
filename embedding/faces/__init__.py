"""Whether a picture shows a face."""
