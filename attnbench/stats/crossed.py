"""What intervals over seeds and test images have in common: both are drawn, and every seed meets the same images.

`attnbench.stats.accuracy` says where the formulas come from. `mean_intervals` is theirs for any number that each
image has.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from attnbench.errors import SpecError
from attnbench.stats.bootstrap import check_settings

_DRAWN_AT_ONCE = 5_000_000
"""Images of so many resamples are held at once: 20 MB of counts."""
_ROUNDING = 1e-9
"""A standard error below this part of the mean is rounding, of numbers that are all alike."""


@dataclass(frozen=True, kw_only=True)
class CrossedInterval:
    """A mean over seeds and test images, or a difference of two, with a bootstrap interval, in the numbers' own unit.

    Of accuracies these are parts of one: 0.01 is a point.
    """

    mean: float
    """Mean over seeds and images."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    confidence: float
    """Probability that such an interval covers the true mean, in (0, 1)."""
    standard_error: float
    """Square root of V, before anything is added for few seeds."""
    degrees: float
    """Degrees of freedom that widened the interval."""
    num_seeds: int
    """Seeds; the interval of one seed is of this seed's weights only, and says nothing of another's."""
    num_images: int
    """Test images."""
    num_clusters: int
    """Groups of images that were drawn together; as many as images where each stands for itself."""

    @property
    def p_value(self) -> float:
        """Two-sided p-value of Student's t that the true mean is 0; 1 where nothing varies."""
        if self.standard_error <= _ROUNDING * abs(self.mean):
            return 1.0
        return float(2 * stdtr(self.degrees, -abs(self.mean) / self.standard_error))

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval, its ends included."""
        return self.low <= value <= self.high


def mean_intervals(
    values: NDArray[np.float64],
    *,
    clusters: NDArray[np.int64] | None = None,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> list[CrossedInterval]:
    """The interval of the mean of each row, from one set of resamples.

    A row may hold the differences of two variants: their mean is the difference of the means.

    Args:
        values: Numbers of each seed and image, (num_rows, num_seeds, num_images).
        clusters: Of each image the group it was made from, (num_images,); none if each stands for itself.
        confidence: Coverage of each interval, in (0, 1).
        num_resamples: How often seeds and images are drawn anew, at least 100.
        seed: Of the drawing; one seed gives one interval, whatever the other rows are.

    Raises:
        SpecError: If the values are not finite numbers of that shape, there are fewer than two clusters, or a setting
            is out of range.

    >>> values = np.random.default_rng(0).normal(0.3, 0.1, size=(1, 5, 1000))
    >>> (result,) = mean_intervals(values)
    >>> print(f"{result.mean:.3f} in {result.low:.3f} … {result.high:.3f}")
    0.300 in 0.294 … 0.305
    """
    check_settings(confidence, num_resamples)
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 3 or not values.size or not np.isfinite(values).all():
        raise SpecError(f"a mean needs finite numbers of rows, seeds and images; got shape {values.shape}")
    totals, sizes = totals_of_clusters(values, clusters)
    drawn = resampled_means(totals, sizes, num_resamples, np.random.default_rng(seed))
    return [crossed_interval(row, sizes, means, confidence) for row, means in zip(totals, drawn.T, strict=True)]


def totals_of_clusters(
    values: NDArray[np.float64] | NDArray[np.bool_], clusters: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over the images of each cluster, (num_rows, num_seeds, num_clusters), and its size, (num_clusters,).

    Args:
        values: Of each image, (num_rows, num_seeds, num_images).
        clusters: Of each image its group, (num_images,); none if each stands for itself.

    Raises:
        SpecError: If the shapes do not fit, or there are fewer than two clusters.
    """
    num_images = values.shape[-1]
    sizes: NDArray[np.float64]
    if clusters is None:
        totals, sizes = values.astype(np.float64), np.ones(num_images)
    else:
        if np.shape(clusters) != (num_images,):
            raise SpecError(f"every image needs a cluster; got {np.shape(clusters)} for {num_images} images")
        order = np.argsort(clusters, kind="stable")
        starts = np.unique(np.asarray(clusters)[order], return_index=True)[1]
        totals = np.add.reduceat(values[..., order], starts, axis=-1, dtype=np.float64)
        sizes = np.diff(starts, append=num_images).astype(np.float64)
    if len(sizes) < 2:
        raise SpecError(f"an interval over images needs two images or clusters of them; got {len(sizes)}")
    return totals, sizes


def resampled_means(
    totals: NDArray[np.float64], sizes: NDArray[np.float64], num_resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Mean of every row in every resample, (num_resamples, num_rows).

    Args:
        totals: Sums of each cluster, (num_rows, num_seeds, num_clusters).
        sizes: Images of each cluster, (num_clusters,).
        num_resamples: How often seeds and clusters are drawn anew.
        generator: Draws them.
    """
    num_rows, num_seeds, num_clusters = totals.shape
    seed_counts = draw_counts(num_resamples, num_seeds, generator)
    # Counts of right answers and their products are whole numbers, which float32 holds exactly up to 2²⁴.
    columns = np.concatenate([totals.reshape(-1, num_clusters), sizes[None]]).astype(np.float32).T
    summed = np.empty((num_resamples, columns.shape[1]))
    step = max(1, _DRAWN_AT_ONCE // num_clusters)
    for start in range(0, num_resamples, step):
        rows = slice(start, min(start + step, num_resamples))
        summed[rows] = draw_counts(rows.stop - rows.start, num_clusters, generator).astype(np.float32) @ columns
    means = (summed[:, :-1] / summed[:, -1:]).reshape(num_resamples, num_rows, num_seeds)
    return np.asarray(np.einsum("rvs,rs->rv", means, seed_counts) / num_seeds)


def crossed_interval(
    totals: NDArray[np.float64], sizes: NDArray[np.float64], drawn: NDArray[np.float64], confidence: float
) -> CrossedInterval:
    """The interval of one row, from its totals, (num_seeds, num_clusters), and its resamples."""
    num_seeds, num_clusters = totals.shape
    mean = float(totals.sum() / (num_seeds * sizes.sum()))
    variance, degrees = _variance(totals, sizes)
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    growth = stdtrit(degrees, tails[1]) / ndtri(tails[1])
    # Two variants that are alike on every image do not vary at all.
    spread = float(np.var(drawn))
    scale = math.sqrt(variance / spread) if spread > 0 else 0.0
    low, high = mean + growth * scale * (np.quantile(drawn, tails) - mean)
    return CrossedInterval(
        mean=mean,
        low=float(low),
        high=float(high),
        confidence=confidence,
        standard_error=math.sqrt(variance),
        degrees=degrees,
        num_seeds=num_seeds,
        num_images=int(sizes.sum()),
        num_clusters=num_clusters,
    )


def _variance(totals: NDArray[np.float64], sizes: NDArray[np.float64]) -> tuple[float, float]:
    """V of the mean, and its degrees of freedom."""
    num_seeds, num_clusters = totals.shape
    # What each seed's cluster moves its seed's mean by; clusters of many images move it more.
    moved = (totals - totals.sum(1, keepdims=True) * (sizes / sizes.sum())) / sizes.sum()
    clustered = num_clusters / (num_clusters - 1)
    of_images = float(clustered * np.square(moved.mean(0)).sum())
    of_seeds = of_both = 0.0
    if num_seeds > 1:
        of_seeds = float(np.var(totals.sum(1) / sizes.sum(), ddof=1) / num_seeds)
        of_both = float(clustered * np.var(moved, axis=0, ddof=1).sum() / num_seeds)
    return crossed_variance(
        of_seeds=of_seeds, of_images=of_images, of_both=of_both, num_seeds=num_seeds, num_images=num_clusters
    )


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
