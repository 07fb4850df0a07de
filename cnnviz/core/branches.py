"""Where a network's ways part and come together again: forks, branches, shortcuts. Plain graph reasoning, no torch.

A *joining* is a sum or a concatenation of values that were all computed from the picture. Its *fork* is the last
value that all of them were computed from: the joining's immediate dominator (T. Lengauer and R. E. Tarjan, "A Fast
Algorithm for Finding Dominators in a Flowgraph", TOPLAS 1979), that is the last node on every way from the picture to
the joining. The nodes between the two are the *branches*; together they are a *block*.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnnviz.core.graph import Graph, Kind, Node

JOINING: tuple[Kind, ...] = ("sum", "concatenation")
_PASSING: tuple[Kind, ...] = ("other", "dropout", "flatten")


@dataclass(frozen=True)
class Branch:
    """One of the ways from a fork to a joining.

    Attributes
    ----------
    nodes
        In execution order, without fork and joining. Empty: the fork's value itself is joined. A layer on the way of
        two branches is in both, but what comes through another of the joined values (as in DenseNet, where each layer
        reads all before it) is in that one's branch only.
    last
        The name of the value that is joined: the last of `nodes`, or the fork.
    is_shortcut
        In a sum: it is shorter than the other. In a concatenation: it is joined as the fork made it.
    """

    nodes: tuple[Node, ...]
    last: str
    is_shortcut: bool

    @property
    def parameters(self) -> int:
        """Trainable parameters on the way; a layer that runs twice counts once."""
        return sum(node.parameters for node in self.nodes if ":" not in node.name)

    @property
    def macs(self) -> int:
        """Multiply-adds on the way, for one input."""
        return sum(node.macs for node in self.nodes)


@dataclass(frozen=True)
class Block:
    """A joining with everything back to its fork.

    Attributes
    ----------
    joining, fork
        The two ends.
    branches
        One for each input of the joining that was computed from the picture, in the order of the inputs.
    after
        The activation that only the joining is given to, such as the ReLU behind a residual sum, or ``None``.
    title
        Path of the module in whose code the joining stands, such as ``layer1.0``; else what its layers have in
        common, else the joining's own name.
    """

    joining: Node
    fork: Node
    branches: tuple[Branch, ...]
    after: Node | None
    title: str

    @property
    def shortcut(self) -> Branch | None:
        """The way past the others, if there is one."""
        return next((branch for branch in self.branches if branch.is_shortcut), None)

    @property
    def is_residual(self) -> bool:
        """Whether it is a sum of a shortcut and one branch: x + F(x)."""
        return self.joining.kind == "sum" and len(self.branches) == 2 and self.shortcut is not None

    def __contains__(self, name: object) -> bool:
        """Whether a node belongs to it: of a branch, the joining, or the activation behind it; the fork does not."""
        if name == self.joining.name or (self.after is not None and name == self.after.name):
            return True
        return any(node.name == name for branch in self.branches for node in branch.nodes)


def fork_of(graph: Graph, joining: Node | str) -> Node | None:
    """Return the last node that all inputs of a joining were computed from.

    ``None`` where fewer than two of its inputs were computed from the picture: nothing parts there.
    """
    return _Flow(graph).fork(joining if isinstance(joining, Node) else graph[joining])


def branches(graph: Graph, joining: Node | str) -> tuple[Branch, ...]:
    """Return the ways from a joining's fork to it, in the order of its inputs; none where nothing parts."""
    node = joining if isinstance(joining, Node) else graph[joining]
    flow = _Flow(graph)
    fork = flow.fork(node)
    return () if fork is None else _branches(flow, node, fork)


def blocks(graph: Graph) -> tuple[Block, ...]:
    """Return every block of a network, in the order in which they are joined."""
    flow = _Flow(graph)
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            readers.setdefault(source, []).append(node)
    found = []
    for node in graph.nodes:
        fork = flow.fork(node) if node.kind in JOINING else None
        if fork is None:
            continue
        ways = _branches(flow, node, fork)
        following = readers.get(node.name, [])
        only = following[0] if len(following) == 1 and following[0].kind == "activation" else None
        found.append(Block(node, fork, ways, only, _title(node, ways)))
    return tuple(found)


def block_of(found: tuple[Block, ...], name: str) -> Block | None:
    """Return the block that a node belongs to: where blocks lie inside one another, the first that is joined."""
    return next((block for block in found if name in block), None)


class _Flow:
    """What is computed from the picture: numbers of its nodes, what each of them reads, and its immediate dominator.

    One pass does, since a `Graph` lists its nodes in execution order and has no cycles (K. Cooper, T. Harvey and K.
    Kennedy, "A Simple, Fast Dominance Algorithm", 2001). Each of DenseNet's ways ends in all layers behind it: it is
    walked once and kept.
    """

    def __init__(self, graph: Graph) -> None:
        self._nodes = [graph.nodes[0]]
        self._numbers = {graph.nodes[0].name: 0}
        self._reads = [0]  # sets of numbers, each as the bits of one
        self._ways: dict[tuple[int, int], tuple[Node, ...]] = {}
        self._dominators = [0]
        for node in graph.layers:
            reads = [self._numbers[source] for source in node.inputs if source in self._numbers]
            if reads:  # else a constant, or computed from constants only
                self._numbers[node.name] = len(self._nodes)
                self._nodes.append(node)
                self._reads.append(_bits(reads))
                self._dominators.append(functools.reduce(self._meet, reads))

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def _meet(self, a: int, b: int) -> int:
        """Return the last node that dominates both."""
        while a != b:
            a, b = (self._dominators[a], b) if a > b else (a, self._dominators[b])
        return a

    def fork(self, joining: Node) -> Node | None:
        """Return the immediate dominator of a node that joins; ``None`` where it joins nothing."""
        if sum(source in self._numbers for source in joining.inputs) < 2:
            return None
        return self._nodes[self._dominators[self._numbers[joining.name]]]

    def ways(self, fork: Node, sources: Sequence[str]) -> list[tuple[Node, ...]]:
        """Return the nodes from a fork to each of some values, without those that come through another of them."""
        borders = _bits(self._numbers[name] for name in (fork.name, *sources))
        return [() if source == fork.name else self._way(self._numbers[source], borders) for source in sources]

    def _way(self, end: int, borders: int) -> tuple[Node, ...]:
        key = end, borders & ((1 << end) - 1)
        if key not in self._ways:
            nodes, waiting = [], 1 << end
            while waiting:
                last = waiting.bit_length() - 1  # all that it reads has a smaller number: no node comes twice
                nodes.append(self._nodes[last])
                waiting = (waiting ^ (1 << last)) | (self._reads[last] & ~borders)
            self._ways[key] = tuple(reversed(nodes))
        return self._ways[key]


def _bits(numbers: Iterable[int]) -> int:
    """Return a set of small numbers as the bits of one."""
    return functools.reduce(lambda bits, number: bits | 1 << number, numbers, 0)


def _branches(flow: _Flow, joining: Node, fork: Node) -> tuple[Branch, ...]:
    sources = [source for source in joining.inputs if source in flow]
    ways = flow.ways(fork, sources)
    short = _shortcut(joining, ways)
    return tuple(Branch(way, source, n == short) for n, (source, way) in enumerate(zip(sources, ways, strict=True)))


def _shortcut(joining: Node, ways: list[tuple[Node, ...]]) -> int | None:
    """Return which of the ways is the shortcut, or ``None`` where none is shorter than the rest."""
    if joining.kind == "concatenation":
        passing = [n for n, way in enumerate(ways) if all(x.kind in _PASSING and not x.parameters for x in way)]
        return passing[0] if len(passing) == 1 else None
    cost = [(len(way), sum(node.parameters for node in way), sum(node.macs for node in way)) for way in ways]
    least = min(cost)
    return cost.index(least) if cost.count(least) == 1 else None


def _title(joining: Node, ways: tuple[Branch, ...]) -> str:
    """Return the module that a block belongs to, such as ``layer1.0``."""
    if joining.scope:
        return joining.scope
    paths = [node.name.partition(":")[0].split(".") for way in ways for node in way.nodes if node.op[:1].isupper()]
    common = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    if len(paths) == 1 or any(len(path) == len(common) for path in paths):
        common = common[:-1]  # a layer's own name is no block's
    return ".".join(common) or joining.name
