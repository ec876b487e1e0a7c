"""A very small CLIP and the pictures that it was trained on, to test the code that runs the large models."""
