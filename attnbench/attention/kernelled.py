"""Attention modules that have kernels for GPUs."""

from attnbench.kernels.backend import Backend


class Kernelled:
    """Marks a module that has two forms of the same, PyTorch's operators and kernels."""

    backend: Backend
    """Which of them the module's setting asks for."""
    has_kernel: bool = True
    """Whether the module's other settings leave it a kernel."""
