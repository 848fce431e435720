import numpy as np
import pytest

from attnbench.data.splits import complement, hold_out, stratified
from attnbench.errors import SpecError

LABELS = np.repeat([0, 1, 2], [50, 30, 20])[np.random.RandomState(0).permutation(100)]


@pytest.mark.parametrize("number", [1, 10, 33, 100])
def test_each_class_keeps_its_share(number: int) -> None:
    chosen = stratified(LABELS, number, seed=0)
    assert len(np.unique(chosen)) == number
    assert (np.diff(chosen) > 0).all()
    shares = np.bincount(LABELS[chosen], minlength=3)
    assert (np.abs(shares - number * np.array([0.5, 0.3, 0.2])) <= 1).all()


def test_a_choice_is_fixed_and_named_by_its_seed() -> None:
    assert stratified(LABELS, 8, seed=0).tolist() == stratified(LABELS, 8, seed=0).tolist()
    assert stratified(LABELS, 8, seed=0).tolist() != stratified(LABELS, 8, seed=1).tolist()


def test_complement_is_the_rest() -> None:
    assert complement(np.array([1, 3]), 5).tolist() == [0, 2, 4]


def test_hold_out_divides_the_file() -> None:
    train, validation = hold_out(LABELS, 10)
    assert sorted([*train, *validation]) == list(range(100))
    assert np.bincount(LABELS[validation]).tolist() == [5, 3, 2]


def test_a_subset_lies_in_the_training_split_and_leaves_validation_alone() -> None:
    train, validation = hold_out(LABELS, 10)
    few, same = hold_out(LABELS, 10, num_train=18)
    assert set(few) < set(train)
    assert same.tolist() == validation.tolist()
    assert np.abs(np.bincount(LABELS[few]) - np.array([9, 5.4, 3.6])).max() <= 1


@pytest.mark.parametrize("number", [0, 91])
def test_more_than_there_are(number: int) -> None:
    with pytest.raises(SpecError, match=rf"train_images must lie in \[1, 90\], .* got train_images={number}"):
        hold_out(LABELS, 10, num_train=number)
