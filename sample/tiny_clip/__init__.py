"""The very small CLIP of embedding/tiny_clip: its training pictures, its training and its evaluation."""
