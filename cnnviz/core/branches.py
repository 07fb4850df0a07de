"""Where a network's ways part and come together again: forks, branches, shortcuts. Plain graph reasoning, no torch.

A *joining* is a sum or a concatenation of values that were all computed from the picture. Its *fork* is the last
value that all of them were computed from: the joining's immediate dominator (T. Lengauer and R. E. Tarjan, "A Fast
Algorithm for Finding Dominators in a Flowgraph", TOPLAS 1979), that is the last node on every way from the picture to
the joining. The nodes between the two are the *branches*; together they are a *block*.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    return _fork(graph, joining if isinstance(joining, Node) else graph[joining], _dominators(graph))


def branches(graph: Graph, joining: Node | str) -> tuple[Branch, ...]:
    """Return the ways from a joining's fork to it, in the order of its inputs; none where nothing parts."""
    node = joining if isinstance(joining, Node) else graph[joining]
    dominators = _dominators(graph)
    fork = _fork(graph, node, dominators)
    return () if fork is None else _branches(graph, node, fork, dominators)


def blocks(graph: Graph) -> tuple[Block, ...]:
    """Return every block of a network, in the order in which they are joined."""
    dominators = _dominators(graph)
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            readers.setdefault(source, []).append(node)
    found = []
    for node in graph.nodes:
        fork = _fork(graph, node, dominators) if node.kind in JOINING else None
        if fork is None:
            continue
        ways = _branches(graph, node, fork, dominators)
        following = readers.get(node.name, [])
        only = following[0] if len(following) == 1 and following[0].kind == "activation" else None
        found.append(Block(node, fork, ways, only, _title(node, ways)))
    return tuple(found)


def block_of(found: tuple[Block, ...], name: str) -> Block | None:
    """Return the block that a node belongs to: where blocks lie inside one another, the first that is joined."""
    return next((block for block in found if name in block), None)


def _dominators(graph: Graph) -> Mapping[str, str]:
    """Return the immediate dominator of every node that is computed from the picture; the picture's is itself.

    One pass does, since a `Graph` lists its nodes in execution order and has no cycles (K. Cooper, T. Harvey and K.
    Kennedy, "A Simple, Fast Dominance Algorithm", 2001).
    """
    order = {node.name: index for index, node in enumerate(graph.nodes)}
    found = {graph.nodes[0].name: graph.nodes[0].name}
    for node in graph.layers:
        common: str | None = None
        for source in node.inputs:
            if source not in found:
                continue  # a constant, or computed from constants only
            common = source if common is None else _meet(common, source, found, order)
        if common is not None:
            found[node.name] = common
    return found


def _meet(a: str, b: str, dominators: Mapping[str, str], order: Mapping[str, int]) -> str:
    """Return the last node that dominates both."""
    while a != b:
        if order[a] > order[b]:
            a = dominators[a]
        else:
            b = dominators[b]
    return a


def _fork(graph: Graph, joining: Node, dominators: Mapping[str, str]) -> Node | None:
    if sum(source in dominators for source in joining.inputs) < 2:
        return None
    return graph[dominators[joining.name]]


def _branches(graph: Graph, joining: Node, fork: Node, dominators: Mapping[str, str]) -> tuple[Branch, ...]:
    sources = [source for source in joining.inputs if source in dominators]
    ways = [_way(graph, source, fork.name, frozenset(sources) - {source}, dominators) for source in sources]
    short = _shortcut(joining, ways)
    return tuple(Branch(way, source, n == short) for n, (source, way) in enumerate(zip(sources, ways, strict=True)))


def _way(
    graph: Graph, source: str, fork: str, others: frozenset[str], dominators: Mapping[str, str]
) -> tuple[Node, ...]:
    """Return the nodes from a fork to one of the joined values, without those that come through another of them."""
    found: set[str] = set()
    waiting = [source]
    while waiting:
        name = waiting.pop()
        if name == fork or name in found or (name in others and name != source) or name not in dominators:
            continue
        found.add(name)
        waiting.extend(graph[name].inputs)
    return tuple(node for node in graph.nodes if node.name in found)


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
