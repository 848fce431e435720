"""Operations of a forward pass, in three named conventions.

``full``       every operator, by the rules of `flop_rules`; what has none is named
``fvcore``     fvcore's default rules, which leave out element-wise operators and reductions
``published``  the rule behind the GFLOPs that SGE's authors published

In each a multiply-accumulate counts once.
"""

from torch import nn

from attnbench.efficiency_record import CONVENTIONS, Convention, FlopCount
from attnbench.errors import SpecError
from attnbench.measure.flop_rules import full_rules
from attnbench.measure.published import count_published
from attnbench.measure.tracing import analysed


def count_flops(model: nn.Module, image_shape: tuple[int, int, int], *, convention: Convention = "full") -> FlopCount:
    """Count the operations of one image in evaluation mode.

    Args:
        model: The model; it is not changed.
        image_shape: (C, H, W).
        convention: How they are counted.

    Raises:
        SpecError: If there is no such convention.
    """
    if convention not in CONVENTIONS:
        raise SpecError(f"convention must be one of {', '.join(CONVENTIONS)}; got {convention!r}")
    if convention == "published":
        of_leaves = count_published(model, image_shape)
        by_module = {
            name: sum(count for leaf, count in of_leaves.items() if _is_within(leaf, name))
            for name, _ in model.named_modules()
        }
        return FlopCount(total=by_module[""], by_module=by_module, uncounted_operators={})
    analysis = analysed(model, image_shape, full_rules() if convention == "full" else None)
    return FlopCount(
        total=int(analysis.total()),
        by_module={name: int(count) for name, count in analysis.by_module().items()},
        uncounted_operators=dict(sorted(analysis.unsupported_ops().items())),
    )


def _is_within(module: str, ancestor: str) -> bool:
    return not ancestor or module == ancestor or module.startswith(f"{ancestor}.")
