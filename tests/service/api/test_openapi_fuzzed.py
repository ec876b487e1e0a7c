"""schemathesis sends valid and invalid requests to every operation: none causes a server error."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from service.app.gate import UPLOAD_THRESHOLD, FaceGate
from service.application import create_app
from tests.fakes import ColourEncoder
from tests.service.conftest import make_workspace
from tests.service.running import in_a_thread

EXAMPLES = 40


@pytest.mark.slow
def test_no_request_meets_a_fault_of_ours(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "site")
    with in_a_thread(create_app(workspace, ColourEncoder(), gate=FaceGate(UPLOAD_THRESHOLD))) as port:
        document = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
        asked = []
        for found in document.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            for mode in GenerationMode:

                @seed(0)
                @settings(
                    max_examples=EXAMPLES,
                    suppress_health_check=list(HealthCheck),
                    phases=(Phase.explicit, Phase.generate),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def is_answered(case: Case) -> None:
                    case.call_and_validate(checks=[not_a_server_error])

                try:
                    is_answered()
                except Unsatisfiable:
                    # An operation without parameters has no invalid request.
                    assert mode is GenerationMode.NEGATIVE
                    continue
                asked.append((operation.label, mode))
    assert sum(mode is GenerationMode.POSITIVE for _, mode in asked) == document.statistic.operations.total
    assert ("POST /v1/search", GenerationMode.NEGATIVE) in asked
