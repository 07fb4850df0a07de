"""Exceptions that carry a sentence for the user."""

from __future__ import annotations


class UserError(Exception):
    """Something went wrong that the user can understand and often mend.

    Parameters
    ----------
    sentence
        One sentence that says what happened, naming the file or value.
    suggestion
        What to try next; empty when there is nothing sensible to say.
    details
        Technical text for the Details button and the log.
    """

    def __init__(self, sentence: str, *, suggestion: str = "", details: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.suggestion = suggestion
        self.details = details

    def __str__(self) -> str:
        return f"{self.sentence} {self.suggestion}".strip()


class Cancelled(UserError):
    """The user did not want to wait any longer."""
