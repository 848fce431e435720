"""What intervals over seeds and test images have in common: both are drawn, and every seed meets the same images.

`attnbench.stats.accuracy` says where the formulas come from.
"""

import numpy as np
from numpy.typing import NDArray


def draw_counts(num_resamples: int, size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """How often each of `size` is drawn in as many draws with replacement, (num_resamples, size)."""
    drawn = generator.integers(size, size=(num_resamples, size), dtype=np.int32).astype(np.int64)
    drawn += size * np.arange(num_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=num_resamples * size)
    return counts.reshape(num_resamples, size).astype(np.int64)


def crossed_variance(
    *, of_seeds: float, of_images: float, of_both: float, num_seeds: int, num_images: int
) -> tuple[float, float]:
    """V of a mean over seeds and images, each part counted once, and its degrees of freedom.

    Args:
        of_seeds: Variance of the mean as the seeds' values give it; of no matter for one seed.
        of_images: Its variance as the images, drawn in common for all seeds, give it.
        of_both: What is left of both, where neither a seed nor an image does anything of its own.
        num_seeds: Seeds; for one seed V is of the images alone.
        num_images: Images, or groups of them that are drawn together.
    """
    if num_seeds == 1:
        return of_images, float(num_images - 1)
    variance = of_both + max(0.0, of_seeds - of_both) + max(0.0, of_images - of_both)
    if variance == 0:
        return 0.0, float(num_seeds - 1)
    # A seeds' part that came out small may do so by chance, so it never counts for less than is left of both.
    weights = max(of_seeds, of_both) ** 2 / (num_seeds - 1) + of_images**2 / (num_images - 1)
    return variance, max(float(num_seeds - 1), variance**2 / weights)
