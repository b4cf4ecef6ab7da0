"""Processes that end with the one that started them, however that one ended."""

from __future__ import annotations

import os
import threading
import time

_WATCH_S = 1.0


def end_with_parent() -> None:
    """Watch, from a thread, for the parent to be gone, and end this process then."""
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)
