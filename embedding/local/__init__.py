"""Local features: keypoints, their descriptors, and what two pictures have in common by them."""
