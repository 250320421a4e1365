"""The last warnings and errors of this extension in the running server, for the report."""

from __future__ import annotations

import logging
import time
from collections import deque

RECENT = "jupyterlab_engines_recent"
"""Where the `RecentTrouble` is among the web application's settings."""
_KEPT = 50
_LONGEST = 2000


class RecentTrouble(logging.Handler):
    """Keeps the last warnings and errors of the loggers it is added to."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._kept: deque[str] = deque(maxlen=_KEPT)
        self._loggers: list[logging.Logger] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    @classmethod
    def of(cls, *loggers: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> RecentTrouble:
        """Return one that listens to `loggers`."""
        recent = cls()
        for logger in loggers:
            plain = logger.logger if isinstance(logger, logging.LoggerAdapter) else logger
            plain.addHandler(recent)
            recent._loggers.append(plain)
        return recent

    def close(self) -> None:
        """Stop listening; what was kept stays."""
        for logger in self._loggers:
            logger.removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record; of one with a traceback, its end."""
        try:
            words = self.format(record)
        except Exception:
            self.handleError(record)
            return
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created))
        self._kept.append(f"{when} {words if len(words) <= _LONGEST else '…' + words[-_LONGEST:]}")

    @property
    def lines(self) -> list[str]:
        """What was kept, oldest first; times are UTC."""
        return list(self._kept)
