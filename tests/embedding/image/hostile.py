"""Hostile, odd and merely unusual picture files, all made by code: CASES has a maker for each."""

from tests.embedding.image import hostile_content, hostile_limits, unusual_colours, unusual_shapes
from tests.embedding.image.picture_cases import CODED, SCENE, Case, middles

CASES = hostile_limits.CASES | hostile_content.CASES | unusual_shapes.CASES | unusual_colours.CASES

__all__ = ["CASES", "CODED", "SCENE", "Case", "middles"]
