"""The sample: a rendered catalogue, published crops, volunteers' photos. None of it is real or downloaded."""

from sample.write import Query, Sample, render_sample

__all__ = ["Query", "Sample", "render_sample"]
