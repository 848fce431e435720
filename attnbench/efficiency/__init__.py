"""What attention costs: the rows of an efficiency table, counted and timed."""

from attnbench.efficiency.measuring import measure_efficiency
from attnbench.efficiency.session import Progress

__all__ = ["Progress", "measure_efficiency"]
