"""Which groups of the shown network are unfolded, and what was unfolded of those shown before. No Qt."""

from __future__ import annotations

from cnnviz.core.folding import FoldTree, Group, Item
from cnnviz.core.graph import Graph


class Folds:
    """What is folded and unfolded; every move says whether it changed anything.

    Attributes
    ----------
    unfolded
        Paths of the groups that are unfolded.
    """

    def __init__(self) -> None:
        self.unfolded: frozenset[str] = frozenset()
        self._tree: FoldTree | None = None
        self._brought_out: frozenset[str] = frozenset()  # unfolded only for a layer that was chosen elsewhere
        self._kept: dict[str, frozenset[str]] = {}  # what is unfolded of each network, by its name

    def show(self, graph: Graph | None) -> None:
        """Begin another network as it was left, or with what is readable at once."""
        self._tree = FoldTree(graph) if graph is not None else None
        self._brought_out = self.unfolded = frozenset()
        if self._tree is not None:
            self.unfolded = self._kept.get(self._tree.graph.name, self._tree.usual())

    @property
    def groups(self) -> tuple[Group, ...]:
        """Every group, the outer before the inner."""
        return self._tree.groups if self._tree is not None else ()

    def group(self, path: str) -> Group | None:
        """Return the group of a path."""
        return self._tree.group(path) if self._tree is not None else None

    def items(self) -> tuple[Item, ...]:
        """Return what is shown, in order of execution."""
        return self._tree.items(self.unfolded) if self._tree is not None else ()

    def toggle(self, group: Group) -> bool:
        """Fold a group with those inside, or unfold it."""
        if group.path in self.unfolded:
            return self._change(self.unfolded - group.paths)
        return self._change(self.unfolded | {group.path})

    def fold_all(self) -> bool:
        """Fold every group."""
        return self._change(frozenset())

    def unfold_all(self) -> bool:
        """Unfold every group."""
        return self._change(frozenset(group.path for group in self.groups))

    def bring_out(self, layer: str) -> bool:
        """Unfold what a layer that was chosen elsewhere lies in; what the last such layer lay in is folded again."""
        if self._tree is None or self._tree.showing(layer, self.unfolded) == self.unfolded:
            return False
        before = self.unfolded - self._brought_out
        after = self._tree.showing(layer, before)
        self._change(after)
        self._brought_out = after - before
        return True

    def _change(self, unfolded: frozenset[str]) -> bool:
        if self._tree is None or unfolded == self.unfolded:
            return False
        self._brought_out = frozenset()
        self.unfolded = self._kept[self._tree.graph.name] = unfolded
        return True
