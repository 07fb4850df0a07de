"""Problems and notices on their way to the user, from every thread, through one place."""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal

from cnnviz.core.errors import UserError

_log = logging.getLogger(__name__)

Level = Literal["notice", "problem", "bug"]
Topic = Literal["", "picture", "network", "download", "training"]


@dataclass(frozen=True)
class Message:
    """One sentence for the user.

    Attributes
    ----------
    level
        ``notice`` passes by, ``problem`` is a failed operation, ``bug`` is a fault of the program.
    sentence, suggestion
        What happened and what to do about it.
    details
        Technical text behind the Details button.
    topic
        What it is about; the next success with the same settles it.
    """

    level: Level
    sentence: str
    suggestion: str = ""
    details: str = ""
    topic: Topic = ""


class MessageCenter(QObject):
    """Collects messages; those that come before a window is there wait for it.

    Signals
    -------
    posted(Message)
        A message arrived. Safe to emit from any thread.
    """

    posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: list[Message] = []
        self._open = False

    def post(self, message: Message) -> None:
        """Show a message, or keep it until `open` is called."""
        if message.level == "bug":
            _log.error("%s\n%s", message.sentence, message.details)
        else:
            _log.info("%s: %s %s", message.level, message.sentence, message.details)
        if self._open:
            self.posted.emit(message)
        else:
            self._waiting.append(message)

    def notice(self, sentence: str, topic: Topic = "") -> None:
        """Post a notice that passes by."""
        self.post(Message("notice", sentence, topic=topic))

    def report(self, error: BaseException, topic: Topic = "") -> None:
        """Post an exception: a `UserError` as its sentence, anything else as a bug with its traceback."""
        if isinstance(error, UserError):
            self.post(Message("problem", error.sentence, error.suggestion, error.details, topic))
            return
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.post(
            Message(
                "bug",
                "Something went wrong inside cnnviz; your work is still here.",
                "Please send the report if it happens again.",
                text,
            )
        )

    def open(self) -> None:
        """Deliver what waited; from now on messages are shown at once."""
        self._open = True
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            self.posted.emit(message)
