"""What goes into a model's attention modules, what comes out, and what they show of themselves in between."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from attnbench.attention import ATTENTION
from attnbench.attention.observing import observed_by
from attnbench.errors import SpecError
from attnbench.registry import did_you_mean


@dataclass(frozen=True, kw_only=True, eq=False)
class Captured:
    """One attention module in one forward pass. All tensors are detached copies, on the model's device."""

    name: str
    """The module's name in the model."""
    input: torch.Tensor
    """What went in (N, C, H, W)."""
    output: torch.Tensor
    """What came out, of the same shape, but for a module in a convolution's place."""
    shown: Mapping[str, torch.Tensor]
    """Inner tensors that the module shows, by name; see its class. Empty for a module that shows none."""

    @property
    def ratio(self) -> torch.Tensor:
        """By what each value was multiplied, found without the module's help (N, C, H, W); NaN where it was 0.

        Raises:
            SpecError: If the module changes the shape.
        """
        self._check_shape()
        return torch.where(self.input == 0, torch.nan, self.output / self.input)

    @property
    def strength(self) -> torch.Tensor:
        """What is left of each position: Σ_c |output| / Σ_c |input| (N, H, W); 0 where nothing went in.

        Raises:
            SpecError: If the module changes the shape.
        """
        self._check_shape()
        before, after = (values.float().abs().sum(1) for values in (self.input, self.output))
        return torch.where(before == 0, 0.0, after / before)

    def _check_shape(self) -> None:
        if self.input.shape != self.output.shape:
            raise SpecError(
                f"{self.name} changes the shape, so that no value stands for another; got "
                f"{tuple(self.input.shape)} and {tuple(self.output.shape)}"
            )


class Captures(Mapping[str, Captured]):
    """The last forward pass of each attention module, by its name, in the order in which they ran."""

    def __init__(self, names: Collection[str]) -> None:
        """Expect modules.

        Args:
            names: Their names.
        """
        self._names = tuple(names)
        self._captured: dict[str, Captured] = {}

    def __getitem__(self, name: str) -> Captured:
        if name not in self._names:
            raise KeyError(f"no attention module {name!r}; {did_you_mean(name, self._names)}")
        if name not in self._captured:
            raise KeyError(
                f"{name} has not run since the capture began; a compiled model does not show its layers: "
                "run the one that was compiled"
            )
        return self._captured[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._captured)

    def __len__(self) -> int:
        return len(self._captured)

    def keep(self, captured: Captured) -> None:
        """Hold a forward pass in place of the module's last one."""
        self._captured.pop(captured.name, None)
        self._captured[captured.name] = captured


def attention_names(model: nn.Module) -> list[str]:
    """Names of a model's attention modules: of all whose class is registered."""
    made_by = (entry.module_class for entry in ATTENTION.registered())
    classes = tuple(maker for maker in made_by if isinstance(maker, type))
    return [name for name, module in model.named_modules() if isinstance(module, classes)]


@contextmanager
def capture(model: nn.Module, *, modules: Collection[str] | None = None) -> Iterator[Captures]:
    """Look into a model's attention modules for as long as the block lasts.

    The model computes what it would without, also in training, and is left as it was,
    whatever happens in the block. Only the last forward pass is held.

    Args:
        model: Any model.
        modules: Names of the modules to look into, of any class; none for all whose class is registered.

    Yields:
        What each of them did in the last forward pass; empty before the first.

    Raises:
        SpecError: If there is no such module, or no attention module at all.

    Example:
        >>> import torch
        >>> import attnbench
        >>> model = attnbench.create_model("cifar-resnet:width=8", "sge:groups=4", num_classes=10, image_size=(32, 32))
        >>> with attnbench.capture(model) as maps:
        ...     _ = model(torch.randn(2, 3, 32, 32))
        >>> maps["layer1.0.se"].shown["gate"].shape
        torch.Size([2, 4, 32, 32])
    """
    found = attention_names(model) if modules is None else list(modules)
    if not found:
        raise SpecError("the model has no attention module whose class is registered; name its layers with modules=")
    layers = dict(model.named_modules())
    for name in found:
        if name not in layers:
            raise SpecError(f"the model has no layer {name!r}; {did_you_mean(name, filter(None, layers))}")
    captures = Captures(found)
    with ExitStack() as stack:
        for name in found:
            shown: dict[str, torch.Tensor] = {}
            for part in layers[name].modules():
                stack.enter_context(observed_by(partial(_keep_shown, shown), part))
            hook = layers[name].register_forward_hook(partial(_keep_pass, captures, name, shown))
            stack.callback(hook.remove)
        yield captures


def _keep_shown(shown: dict[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor):
            raise SpecError(f"observe takes tensors; got {name}={tensor!r}")
    shown.update({name: _copied(tensor) for name, tensor in tensors.items()})


def _keep_pass(
    captures: Captures,
    name: str,
    shown: dict[str, torch.Tensor],
    module: nn.Module,
    inputs: tuple[Any, ...],
    output: Any,
) -> None:
    if not (inputs and isinstance(inputs[0], torch.Tensor) and isinstance(output, torch.Tensor)):
        raise SpecError(
            f"{name or 'the model'} must map one tensor to one; got a {type(module).__name__} that does not"
        )
    captures.keep(Captured(name=name, input=_copied(inputs[0]), output=_copied(output), shown=dict(shown)))
    shown.clear()


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    """What a tensor holds now: residual blocks add to the module's output in place."""
    return tensor.detach().clone()
