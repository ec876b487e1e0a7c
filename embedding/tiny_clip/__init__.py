"""The weights of a very small CLIP that tests the code which runs the large models; sample/tiny_clip trains it."""
