"""Speed, scale and calibration, each script runnable by itself. A package: pyarrow 17 installs a `benchmarks` too."""
