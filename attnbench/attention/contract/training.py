"""Checks of the contract that train a module: its gradients, its randomness and its state."""

import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from attnbench.attention.contract.hold import hold_finite
from attnbench.attention.contract.subject import Subject, construct, feature_map, make, output, stirred
from attnbench.attention.contract.words import on, to_within
from attnbench.errors import ContractError

_STEP = 1e-6
_GRADIENT_TOLERANCE = 1e-5
_NO_GRADIENT = "detach(), item(), data and no_grad() cut gradients off"


def has_the_gradients_of_finite_differences(subject: Subject) -> str:
    """Gradients of the map and of every parameter, along random directions and by torch's own gradcheck."""
    largest = 0.0
    for size in ((3, 3), (2, 3), (1, 1)):
        for training in (True, False):
            module = make(subject, size).double().train(training)
            torch.manual_seed(1)
            parameters = _trained(module)
            for parameter in parameters.values():
                nn.init.normal_(parameter, std=0.3)
            x = feature_map(2, subject.channels, *size, dtype=torch.float64).requires_grad_()
            largest = max(largest, _hold_gradients(module, x, {"the input": x, **parameters}))
            torch.autograd.gradcheck(lambda *_: _seeded(module, x), (x, *parameters.values()), fast_mode=True)  # noqa: B023
    return f"finite differences agree {to_within(largest)}, in both modes"


def has_finite_gradients_on_constant_maps(subject: Subject) -> str:
    """Where all positions are alike, spreads are zero, and the gradient of a root is not finite."""
    for size, training, value in itertools.product(((8, 8), (1, 1)), (True, False), (0.0, 1.0)):
        for module in (make(subject, size), stirred(make(subject, size))):
            x = torch.full((2, subject.channels, *size), value, requires_grad=True)
            y = output(module.train(training), x)
            projection = feature_map(*y.shape)
            for name, gradient in _gradients((y * projection).sum(), {"the input": x, **_trained(module)}).items():
                if not torch.isfinite(gradient).all():
                    raise ContractError(
                        f"the gradient of {name} is NaN or infinite on a map of {value:g} everywhere, "
                        f"{on(module, x)}; add a small number before a root or a division"
                    )
    return "finite on maps of 0 and of 1 everywhere"


def repeats_itself(subject: Subject) -> str:
    """One seed gives the same bits; in evaluation every pass does."""
    x = feature_map(2, subject.channels, 7, 5)
    with _deterministic_algorithms():
        module = make(subject)
        if not torch.equal(output(module, x.clone()), output(module, x.clone())):
            raise ContractError(f"two passes differ {on(module, x)}; randomness belongs to training")
        first, second = (_trained_bits(subject, x) for _ in range(2))
    for name, value in first.items():
        if not torch.equal(value, second[name]):
            raise ContractError(
                f"two modules of one seed differ in {name}; draw from torch's global generator, "
                "which torch.manual_seed sets"
            )
    return "one seed gives the same bits, gradients too"


def comes_back_from_its_state(subject: Subject) -> str:
    """A saved and loaded state gives the same output, and nothing that matters is kept outside of it."""
    for prefix, part in construct(subject).named_modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor):
                path = f"{prefix}.{name}".lstrip(".")
                raise ContractError(
                    f"{path} is a plain tensor, which is not saved and does not follow .to(device); "
                    f"use register_buffer({name!r}, …) or nn.Parameter"
                )
    module = make(subject).train()
    x = feature_map(2, subject.channels, 8, 8)
    output(module, x)
    torch.manual_seed(9)
    for value in module.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    file.seek(0)
    restored = make(subject, seed=1)
    restored.load_state_dict(torch.load(file))
    if not torch.equal(output(restored.eval(), x), output(module.eval(), x)):
        raise ContractError(
            "a loaded state gives another output; what changes or is drawn must be a parameter or a buffer"
        )
    return "saved, loaded into a module of another seed, equal"


def _hold_gradients(module: nn.Module, x: torch.Tensor, tensors: dict[str, torch.Tensor]) -> float:
    """The largest error of the gradients along random directions, relative to the gradient where it exceeds 1."""
    y = _seeded(module, x)
    hold_finite(module, x, y)
    projection = torch.randn_like(y)
    if not y.requires_grad:
        raise ContractError(f"the output has no gradient {on(module, x)}; {_NO_GRADIENT}")
    largest = 0.0
    for name, gradient in _gradients((y * projection).sum(), tensors).items():
        direction = torch.randn_like(gradient)
        expected = _finite_difference(module, x, tensors[name], direction, projection)
        got = float((gradient * direction).sum())
        error = abs(got - expected) / max(1.0, abs(expected))
        if not error <= _GRADIENT_TOLERANCE:
            raise ContractError(
                f"the gradient of {name} gives a slope of {got:.3g} where finite differences give {expected:.3g}, "
                f"{on(module, x)}; {_NO_GRADIENT}"
            )
        largest = max(largest, error)
    return largest


def _finite_difference(
    module: nn.Module, x: torch.Tensor, tensor: torch.Tensor, direction: torch.Tensor, projection: torch.Tensor
) -> float:
    values = []
    before = tensor.detach().clone()
    with torch.no_grad():
        for step in (_STEP, -_STEP):
            tensor.copy_(before + step * direction)
            values.append(float((_seeded(module, x) * projection).sum()))
        tensor.copy_(before)
    return (values[0] - values[1]) / (2 * _STEP)


def _seeded(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A pass whose randomness, such as dropout's, is the same each time."""
    torch.manual_seed(2)
    return output(module, x)


def _trained(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}


def _gradients(value: torch.Tensor, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """By name; zero where a tensor has no influence."""
    if not value.requires_grad:
        return {}
    gradients = torch.autograd.grad(value, list(tensors.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(tensors, gradients, strict=True))


def _trained_bits(subject: Subject, x: torch.Tensor) -> dict[str, torch.Tensor]:
    module = make(subject).train()
    given = x.clone().requires_grad_()
    y = _seeded(module, given)
    gradients = _gradients(y.square().sum(), {"the input": given, **_trained(module)})
    return {
        **module.state_dict(),
        "the output in training": y,
        **{f"the gradient of {name}": value for name, value in gradients.items()},
    }


@contextmanager
def _deterministic_algorithms() -> Iterator[None]:
    """As in training; an operator that has no deterministic form raises an error."""
    before, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)
