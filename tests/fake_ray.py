"""Ray in this process: what is sent is pickled, tasks run when they are awaited, and workers can be lost."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

from ray.exceptions import RayTaskError

from embedding.encoders.openvino import inference


@dataclass
class Ref:
    """A task that runs at its first `get`, or an object that was put."""

    run: Any
    done: Any = None
    raised: BaseException | None = None
    ran: bool = False

    def result(self):
        if not self.ran:
            self.ran = True
            try:
                self.done = self.run()
            except BaseException as error:
                self.raised = error
                raise
        if self.raised is not None:
            raise self.raised
        return self.done


@dataclass
class FakeRay:
    """The functions of `ray` that are used here.

    `lost`: asked for each task with its arguments, the error of a worker that is lost, or None. `processors`: how many
    there are now. `done_at_once`: tasks are done before they are awaited. `disconnected`: from the head.
    """

    processors: int = 2
    gpus: int = 0
    lost: Any = field(default=lambda arguments: None)
    done_at_once: bool = False
    disconnected: bool = False
    sent: list[Any] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)

    def cluster_resources(self):
        return {"CPU": float(self.processors), "GPU": float(self.gpus)}

    def is_initialized(self):
        return not self.disconnected

    def put(self, value):
        data = pickle.dumps(value)
        return Ref(lambda: pickle.loads(data))  # noqa: S301 - as Ray does

    def get(self, ref):
        return ref.result()

    def wait(self, refs, timeout=None):
        ready = [ref for ref in refs if ref.ran or self.done_at_once or timeout]
        return (ready if self.processors else []), []

    def cancel(self, ref):
        if self.disconnected:
            raise Exception("Ray Client is not connected.")  # of this type, indeed
        self.cancelled.append(ref)

    def remote(self, **options):
        self.options.append(options)

        def decorate(function):
            def send(digest, sent, items):
                arguments = digest, sent, pickle.loads(pickle.dumps(items))  # noqa: S301 - as Ray does

                def run():
                    if (error := self.lost(arguments)) is not None:
                        raise error
                    try:
                        return function(*arguments)
                    except Exception as error:
                        raise RayTaskError("compute_partition", "traceback", error).as_instanceof_cause() from error

                self.sent.append(arguments)
                return Ref(run)

            return type("Remote", (), {"remote": staticmethod(send)})

        return decorate


def imitate(fake, monkeypatch, staging, say=print):
    """Workers of an imitated Ray."""
    from index.workers import ray_job, ray_task
    from index.workers.ray_workers import RayWorkers

    # A worker bounds its process, which is this one.
    monkeypatch.setattr(inference, "_limit", 0)
    monkeypatch.setattr(ray_job, "ray", fake)
    monkeypatch.setattr(ray_task, "ray", fake)
    return RayWorkers("ray://imitated:1", staging, say)
