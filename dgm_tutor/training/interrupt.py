"""Stopping by hand between two steps, so that a model is never left half updated."""

import signal
import threading
from types import FrameType


class Interruptible:
    """While inside, Ctrl-C sets ``asked`` instead of raising; a second one raises as usual."""

    def __enter__(self) -> "Interruptible":
        self.asked = False
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        if self._in_main_thread:
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._in_main_thread:
            signal.signal(signal.SIGINT, self._previous)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
