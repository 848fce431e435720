"""Exit codes of what a signal has ended, as shells have them."""

import signal

INTERRUPTED = 128 + signal.SIGINT
"""After Ctrl-C."""
TERMINATED = 128 + signal.SIGTERM
"""After a request to terminate."""
