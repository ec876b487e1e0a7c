"""The model of a workspace: chosen once, pinned, and the same ever after."""

from __future__ import annotations

from collections.abc import Callable

from embedding.encoders.choose import choose, load
from embedding.encoders.protocol import Encoder
from index.errors import WorkspaceError
from index.workspace import Workspace


def workspace_encoder(workspace: Workspace, say: Callable[[str], None]) -> tuple[Workspace, Encoder]:
    """Load the workspace's model; "auto" is decided, told and pinned at the first call.

    Raises:
        ModelUnavailable: the pinned model cannot be loaded.
        WorkspaceError: it loads, but with other weights than those the vectors here were made with.
    """
    settings = workspace.settings
    if settings.model == "auto":
        encoder, choice = choose()
        say(choice.why)
        return workspace.pin_model(encoder.card.name, encoder.card.sha256 or "", choice.why), encoder
    encoder = load(settings.model)
    sha256 = encoder.card.sha256 or ""
    if settings.model_sha256 and sha256 != settings.model_sha256:
        raise WorkspaceError(
            f"{workspace.root} was indexed with {settings.model} {settings.model_sha256[:12]}, but the weights "
            f"here are {sha256[:12]}: put the former ones back, or clear model_sha256 in its settings and re-index"
        )
    if not settings.model_sha256:
        workspace = workspace.pin_model(encoder.card.name, sha256, settings.model_why or "named by the operator")
    return workspace, encoder
