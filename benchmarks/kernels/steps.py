"""What `benchmarks/kernels` times: modules on the maps of ResNet-50's stages, and whole networks."""

from collections.abc import Callable, Mapping

import torch
from timm.layers import EcaModule, SEModule
from timm.layers import GatherExcite as TimmGatherExcite
from timm.layers.cbam import CbamModule
from torch import nn

import attnbench
from attnbench.attention import ATTENTION, register_attention
from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.kernels.backend import has_kernels
from attnbench.measure.steps import inference_step, training_step
from attnbench.measure.stopwatch import Step
from tests.kernels.kept import kept_bytes
from tests.references.authors import AuthorsSGE

STAGES = {1: (256, 56), 2: (512, 28), 3: (1024, 14), 4: (2048, 7)}
"""Channels, and height and width, at the end of a residual branch of ResNet-50 on images of 224×224."""
LAYOUTS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}

# What others have of the same, called with the channels.
_PEERS: Mapping[str, tuple[str, Callable[[int], nn.Module]]] = {
    "sge": ("authors", AuthorsSGE),
    "se": ("timm", lambda channels: SEModule(channels, rd_ratio=1 / 16)),
    "eca": ("timm", EcaModule),
    "ge": ("timm", lambda channels: TimmGatherExcite(channels, extra_params=False, extent=0, use_mlp=False)),
    "cbam": ("timm", lambda channels: CbamModule(channels, rd_ratio=1 / 16)),
}
MODULES = (*_PEERS, "bam")


def module_rows(name: str, channels: int, device: torch.device, dtype: torch.dtype) -> dict[str, nn.Module]:
    """A module in every form that runs there: the peer's, eager, fused, and compiled ones of SGE."""
    made: dict[str, nn.Module] = {}
    if name in _PEERS:
        row, make = _PEERS[name]
        made[row] = make(channels)
    made["eager"] = ATTENTION.get(name).module_class(channels, backend="eager")
    if has_kernels(device, dtype):
        made["fused"] = ATTENTION.get(name).module_class(channels, backend="triton")
    # Whole kernels only where a module is the subject of a target: compiling takes longer than timing.
    if name == "sge":
        made["authors, compiled"] = torch.compile(AuthorsSGE(channels), dynamic=False)
        eager = ATTENTION.get(name).module_class(channels, backend="eager")
        made["eager, compiled"] = torch.compile(eager, dynamic=False)
    return {row: _stirred(module).to(device=device).train() for row, module in made.items()}


def module_steps(modules: Mapping[str, nn.Module], x: torch.Tensor, phase: str) -> dict[str, Step]:
    """One step of each module on a map.

    Args:
        modules: The modules, by row.
        x: The map.
        phase: ``forward``, in inference mode; ``training``, forward and backward; or ``backward`` alone.
    """
    slope = torch.randn_like(x)
    steps = {row: _module_step(module, x, slope, phase) for row, module in modules.items()}
    if phase == "forward":
        target = torch.empty_like(x)
        steps["copy"] = lambda: target.copy_(x)
    return steps


def network_steps(device: torch.device, *, batch_size: int, size: int, training: bool) -> dict[str, Step]:
    """A step of ResNet-50, plain and with SGE in every form that runs there, under bfloat16 on a GPU."""
    autocast = torch.bfloat16 if device.type == "cuda" else None
    images = torch.randn(batch_size, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(1000, (batch_size,), device=device)
    variants = {"plain": "none", "authors": "authors-sge", "eager": "sge:backend=eager"}
    if has_kernels(device, torch.bfloat16):
        variants |= {"fused": "sge", "fused with addition and ReLU": "sge"}
    steps: dict[str, Step] = {}
    if "authors-sge" not in ATTENTION.names():
        register_attention("authors-sge", placement="block")(AuthorsSGE)
    models = {row: attnbench.create_model("resnet50", variant) for row, variant in variants.items()}
    for row, model in models.items():
        model.to(device=device, memory_format=torch.channels_last)
        if row == "fused":
            _end_blocks_apart(model)
        make = _training if training else _inference
        steps[row] = make(model, images, labels, autocast)
    return steps


def kept_by_rows() -> dict[str, dict[str, float]]:
    """Bytes that each form of SGE keeps for backward over those of its map in float32, by stage."""
    forms: dict[str, Callable[[int], nn.Module]] = {
        "authors": AuthorsSGE,
        "eager": lambda channels: SpatialGroupEnhance(channels, backend="eager"),
        # The operator keeps the same for its kernels and for PyTorch.
        "fused": lambda channels: SpatialGroupEnhance(channels, backend="triton"),
    }
    return {
        form: {
            str(stage): kept_bytes(make(channels), torch.randn(1, channels, size, size, requires_grad=True))
            for stage, (channels, size) in STAGES.items()
        }
        for form, make in forms.items()
    }


def _module_step(module: nn.Module, x: torch.Tensor, slope: torch.Tensor, phase: str) -> Step:
    if phase == "forward":

        def step() -> object:
            with torch.inference_mode():
                return module(x)

        return step
    given = x.detach().requires_grad_()
    inputs = (given, *module.parameters())
    if phase == "training":
        return lambda: torch.autograd.grad(module(given), inputs, slope, allow_unused=True)
    y = module(given)
    return lambda: torch.autograd.grad(y, inputs, slope, retain_graph=True, allow_unused=True)


def _inference(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, autocast: torch.dtype | None) -> Step:
    return inference_step(model, images, autocast=autocast)


def _training(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, autocast: torch.dtype | None) -> Step:
    return training_step(model, images, labels, autocast=autocast)


def _end_blocks_apart(model: nn.Module) -> None:
    """A block whose activation somebody watches adds and rectifies by itself."""
    for name, module in model.named_modules():
        if name.endswith(".act3"):
            module.register_forward_hook(_watch)


def _watch(module: nn.Module, inputs: object, output: object) -> None:
    """Nothing to do."""


def _stirred(module: nn.Module) -> nn.Module:
    """With other than initial parameters: at γ = 0 SGE's gate is a constant."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1)
    return module
