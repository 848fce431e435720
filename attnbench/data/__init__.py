"""Data sets by name: made, read from files, or read from a folder of images."""

from attnbench.data import cifar, cluttered_digits, fashion_mnist, image_folder  # noqa: F401  (for registration)
from attnbench.data.base import ImageData, Objects, Split
from attnbench.data.cluttered_digits import ClutteredDigits
from attnbench.data.in_memory import Images, InMemoryData
from attnbench.data.loader import EpochLoader, TensorLoader
from attnbench.data.registration import DATA, build_data, register_data

__all__ = [
    "DATA",
    "ClutteredDigits",
    "EpochLoader",
    "ImageData",
    "Images",
    "InMemoryData",
    "Objects",
    "Split",
    "TensorLoader",
    "build_data",
    "register_data",
]
