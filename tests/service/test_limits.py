"""Every limit of the server is positive."""

from __future__ import annotations

from dataclasses import fields

import pytest
from pydantic import ValidationError

from service.app.limits import ServerLimits


@pytest.mark.parametrize("name", [field.name for field in fields(ServerLimits)])
def test_a_limit_is_a_positive_amount(name):
    assert getattr(ServerLimits(**{name: 1}), name) == 1
    for wrong in (-1, float("nan"), float("inf"), True, "1", *([] if name == "waiting" else [0])):
        with pytest.raises(ValidationError, match=name):
            ServerLimits(**{name: wrong})
    assert ServerLimits(waiting=0).waiting == 0
