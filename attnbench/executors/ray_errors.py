"""What Ray's errors say of a run."""

import ray

from attnbench.errors import WorkerDiedError


def reason_of(error: BaseException | None) -> BaseException | None:
    """Why a call has failed, in words of the call itself where it has raised something."""
    if error is None or not isinstance(error, ray.exceptions.RayError):
        return error
    if isinstance(error, ray.exceptions.RayTaskError):
        cause: BaseException = error.cause
        return cause
    if isinstance(error, ray.exceptions.OutOfMemoryError):
        return WorkerDiedError(
            "Ray has ended its worker since the memory of the node ran short; a smaller batch_size needs less, and "
            "with --executor-set memory=BYTES Ray begins no more runs than there is room for"
        )
    if isinstance(error, ray.exceptions.TaskCancelledError):
        return WorkerDiedError("it was cancelled on the Ray cluster")
    return WorkerDiedError(
        f"its worker or its node was lost each time that Ray tried it ({type(error).__name__}); Ray's dashboard says "
        "more, and --executor-set max_retries=N lets it be tried more often"
    )
