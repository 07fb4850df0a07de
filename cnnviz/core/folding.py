"""A network folded by its own structure: stages, blocks, branches, each shown as one until it is unfolded.

No torch, no Qt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cnnviz.core.graph import Graph, Node

USUAL_ITEMS = 24
"""So many columns can be read side by side."""
STAGE_LEAST = 16
"""A longer row of layers without structure of its own is cut into stages of one size of the maps."""


@dataclass(frozen=True)
class Group:
    """Layers that belong together: those of one module, or of one stage.

    Attributes
    ----------
    path
        The module's dotted path, or of a stage what it is part of and its number: unique in the tree.
    title
        What it is called in its surroundings.
    entries
        Its groups and layers in order of execution; at least two.
    """

    path: str
    title: str
    entries: tuple[Group | Node, ...]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All layers inside, in order of execution."""
        return tuple(node for entry in self.entries for node in (entry.nodes if isinstance(entry, Group) else (entry,)))

    @property
    def paths(self) -> frozenset[str]:
        """Its own path and those of all groups inside."""
        return frozenset({self.path, *(group.path for group in _groups(self.entries))})

    @property
    def output(self) -> Node:
        """The last layer: its value is what the rest of the network reads."""
        return self.nodes[-1]


Entry = Group | Node


@dataclass(frozen=True)
class Item:
    """What is shown as one: a layer, or a folded group.

    Attributes
    ----------
    node
        The layer; of a group, its last.
    group
        The group, if it is one.
    inputs
        Names of the `node` of the items that it reads, in order, each once.
    inside
        The unfolded groups that it lies in, the outermost first.
    """

    node: Node
    group: Group | None
    inputs: tuple[str, ...]
    inside: tuple[Group, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The layers that it stands for."""
        return self.group.nodes if self.group is not None else (self.node,)

    @property
    def title(self) -> str:
        """What it is called in its surroundings: what they are called themselves is not said again."""
        whole = self.group.path if self.group is not None else self.node.name
        if not self.inside or (self.group is not None and " " in self.group.title):
            return self.group.title if self.group is not None else short_name(whole)
        outer = next((group.path for group in reversed(self.inside) if whole.startswith(f"{group.path}.")), "")
        part = whole[len(outer) + 1 :] if outer else short_name(whole)
        part = part.rpartition(".")[2] if self.group is None else part
        number = part.partition(":")[0].isdigit()
        return f"{part} {_KINDS.get(self.node.kind, self.node.op)}" if number and self.group is None else part


_KINDS = {
    "convolution": "conv", "pooling": "pool", "activation": "act", "linear": "linear", "normalisation": "norm",
    "dropout": "drop", "concatenation": "concat", "flatten": "flatten", "softmax": "softmax", "sum": "sum",
}  # fmt: skip


def short_name(name: str) -> str:
    """Return the last part of a dotted path, with those before it as long as they are only numbers."""
    parts = name.split(".")
    start = len(parts) - 1
    while start > 0 and parts[start].split(":")[0].isdigit():
        start -= 1
    return ".".join(parts[start:])


class FoldTree:
    """The groups of a network, one inside the other.

    Parameters
    ----------
    graph
        The network.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        taken: dict[str, int] = {}
        self.entries = _grouped([(node, _scope(node)) for node in graph.nodes], "", taken)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Every group, the outer before the inner."""
        return tuple(_groups(self.entries))

    @cached_property
    def around(self) -> dict[str, tuple[Group, ...]]:
        """The groups around each layer by its name, the outermost first."""
        found: dict[str, tuple[Group, ...]] = {node.name: () for node in self.graph.nodes}
        for group in self.groups:  # outer before inner
            for node in group.nodes:
                found[node.name] += (group,)
        return found

    def group(self, path: str) -> Group | None:
        """Return the group of a path."""
        return next((group for group in self.groups if group.path == path), None)

    def items(self, unfolded: frozenset[str]) -> tuple[Item, ...]:
        """Return what is shown when the groups of some paths are unfolded, in order of execution."""
        shown: list[tuple[Entry, tuple[Group, ...]]] = list(_shown(self.entries, unfolded, ()))
        owner: dict[str, str] = {}
        for entry, _ in shown:
            inside_entry = entry.nodes if isinstance(entry, Group) else (entry,)
            owner.update((node.name, inside_entry[-1].name) for node in inside_entry)
        items = []
        for entry, inside in shown:
            nodes = entry.nodes if isinstance(entry, Group) else (entry,)
            output = nodes[-1]
            sources = (owner[source] for node in nodes for source in node.inputs)
            inputs = tuple(dict.fromkeys(source for source in sources if source != output.name))
            items.append(Item(output, entry if isinstance(entry, Group) else None, inputs, inside))
        return tuple(items)

    def usual(self, most: int = USUAL_ITEMS) -> frozenset[str]:
        """Return the paths that are unfolded at first: outer groups before inner ones, while all stays readable.

        Groups side by side are unfolded together or not at all.
        """
        unfolded: set[str] = set()
        count = len(self.entries)
        level = [list(self.entries)]
        while level:
            below: list[list[Entry]] = []
            for siblings in level:
                groups = [entry for entry in siblings if isinstance(entry, Group)]
                more = sum(len(group.entries) - 1 for group in groups)
                if groups and count + more <= most:
                    count += more
                    unfolded.update(group.path for group in groups)
                    below += [list(group.entries) for group in groups]
            level = below
        return frozenset(unfolded)

    def showing(self, name: str, unfolded: frozenset[str]) -> frozenset[str]:
        """Return the paths that are unfolded for a layer to be seen: by itself, or as its folded group's output."""
        around = self.around.get(name, ())
        hidden = next((i for i, group in enumerate(around) if group.path not in unfolded), None)
        if hidden is None or around[hidden].output.name == name:
            return unfolded
        return unfolded | {group.path for group in around}


def _scope(node: Node) -> tuple[str, ...]:
    return tuple(node.scope.split(".")) if node.scope else ()


def _grouped(nodes: Sequence[tuple[Node, tuple[str, ...]]], path: str, taken: dict[str, int]) -> tuple[Entry, ...]:
    """Group layers that follow each other and lie in the same module; `nodes` carry their path below this module."""
    entries: list[Entry] = []
    index = 0
    while index < len(nodes):
        node, scope = nodes[index]
        if not scope:
            entries.append(node)
            index += 1
            continue
        end = index
        while end < len(nodes) and nodes[end][1][:1] == scope[:1]:
            end += 1
        inner_path = f"{path}.{scope[0]}" if path else scope[0]
        inner = _grouped([(n, s[1:]) for n, s in nodes[index:end]], inner_path, taken)
        if len(inner) == 1 and isinstance(inner[0], Group):  # a module with nothing but another one inside
            entries.append(Group(_free(inner_path, taken), short_name(inner_path), inner[0].entries))
        elif len(inner) == 1:
            entries += inner
        else:
            entries.append(Group(_free(inner_path, taken), short_name(inner_path), inner))
        index = end
    return _in_stages(tuple(entries), path, taken)


def _free(path: str, taken: dict[str, int]) -> str:
    """Return a path of its own for a module that runs several times."""
    count = taken[path] = taken.get(path, -1) + 1
    return path if count == 0 else f"{path}:{count}"


def _in_stages(entries: tuple[Entry, ...], path: str, taken: dict[str, int]) -> tuple[Entry, ...]:
    """Cut a long row of layers where the maps get smaller: after a pooling, before a convolution with a stride."""
    if len(entries) < STAGE_LEAST or sum(isinstance(entry, Node) for entry in entries) < STAGE_LEAST // 2:
        return entries
    stages: list[list[Entry]] = [[]]
    size: tuple[int, ...] | None = None
    for entry in entries:
        output = entry.output if isinstance(entry, Group) else entry
        here = output.output_shape[1:]
        if output.kind == "input" or not output.is_map:
            stages += [[entry], []]
            continue
        smaller = size is not None and here != size
        if smaller and output.kind != "pooling":
            stages.append([])
        stages[-1].append(entry)
        if smaller and output.kind == "pooling":
            stages.append([])
        size = here
    found = [stage for stage in stages if stage]
    if sum(len(stage) > 1 for stage in found) < 2:
        return entries
    result: list[Group] = []
    for number, stage in enumerate((s for s in found if len(s) > 1), start=1):
        prefix = f"{path} " if path else ""
        stage_path = _free(f"{prefix}stage {number}", taken)
        result.append(Group(stage_path, f"stage {number}", tuple(stage)))
    single = iter(result)
    return tuple(next(single) if len(stage) > 1 else stage[0] for stage in found)


def _groups(entries: Sequence[Entry]) -> Iterator[Group]:
    for entry in entries:
        if isinstance(entry, Group):
            yield entry
            yield from _groups(entry.entries)


def _shown(
    entries: Sequence[Entry], unfolded: frozenset[str], inside: tuple[Group, ...]
) -> Iterator[tuple[Entry, tuple[Group, ...]]]:
    for entry in entries:
        if isinstance(entry, Group) and entry.path in unfolded:
            yield from _shown(entry.entries, unfolded, (*inside, entry))
        else:
            yield entry, inside
