"""A very small CLIP and the pictures that it was trained on. It proves the code that runs the large models."""
