"""Pictures that the board once held: read again from their files when a network for photographs needs them."""

from __future__ import annotations

from collections.abc import Callable

from cnnviz.core.inspection import Preparation
from cnnviz.state.app_state import AppState, PictureWish
from cnnviz.views.input.compute import BoardContent
from cnnviz.views.input.keeping import BoardKeeper


class Restorer:
    """Asks for the picture of what is on the board; a network for digits does without it.

    Parameters
    ----------
    content, preparation
        Return what is on the board, and what the network takes.
    """

    def __init__(
        self,
        state: AppState,
        keeper: BoardKeeper,
        content: Callable[[], BoardContent],
        preparation: Callable[[], Preparation],
    ) -> None:
        self._state, self._keeper = state, keeper
        self._content, self._preparation = content, preparation
        self._unread: BoardContent | None = None
        self._asked: BoardContent | None = None  # for whose picture
        self._wish: PictureWish | None = None  # what brings it back

    def note(self, content: BoardContent) -> None:
        """Remember what came onto the board, and ask for its picture where that is not here."""
        self._unread = None if content.is_whole else content
        self.ask()

    def ask(self) -> None:
        """Ask for the picture that is missing, if there is one."""
        unread = self._unread
        if unread is None or unread is self._asked or self._preparation() != "photo":
            return
        if self._content() is not unread:
            self._unread = None
            return
        self._asked, self._wish = unread, self._keeper.wish_for(unread)
        if self._wish is None:
            self._unread = None
        else:
            self._state.open_requested.emit(self._wish)

    def note_wish(self, wish: PictureWish) -> None:
        """What else is asked for comes instead, and if only as an error."""
        if wish is not self._wish:
            self._unread = None

    def take(self) -> BoardContent | None:
        """Return the content whose picture has just come, if it is still on the board."""
        unread, self._unread, self._asked, self._wish = self._unread, None, None, None
        return unread if unread is self._content() else None

    def waits_for(self, wish: PictureWish) -> bool:
        """Return whether a wish is the one that brings the picture back."""
        return wish is self._wish
