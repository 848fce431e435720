import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from attnbench.held_signals import held_back, let_through
from tests.source import source_environment


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_a_process_starts_waits_for_it(number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)
    heard = []
    try:
        with held_back():
            signal.pthread_kill(threading.get_ident(), number)
            heard.append("held back")
            with pytest.raises(KeyboardInterrupt):
                let_through()
    finally:
        signal.signal(number, before)
    assert heard == ["held back"]
    assert number not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


SIGNALLED = """
import os, signal, threading, time
from attnbench.processes import open_processes
if __name__ == "__main__":
    with open_processes(1, hear=print) as pool:
        first = pool.submit(os.getpid)
        (process,) = pool._processes.values()
        os.kill(process.pid, signal.SIGINT)  # long before it has imported anything
        os.kill(process.pid, signal.SIGTERM)
        assert first.result() == process.pid
"""


def test_a_worker_that_is_signalled_while_it_starts_begins_all_the_same(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SIGNALLED)
    environment = source_environment()
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
