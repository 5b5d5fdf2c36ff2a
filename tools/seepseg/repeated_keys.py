"""Keys that a YAML file gives twice: its readers would take the last of them without a word."""

from collections.abc import Iterator

import yaml


def find_repeated(text: str) -> list[tuple[int, str]]:
    """The line of each such key, at any depth, and what is wrong there."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return [] if node is None else sorted(_repeated(node, set()))


def _repeated(node: yaml.Node, seen: set[int]) -> Iterator[tuple[int, str]]:
    if id(node) in seen:  # An alias stands for what was looked at where it is anchored, and may lie in itself.
        return
    seen.add(id(node))
    first: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                if key.value in first:
                    yield line, f"{key.value} is given twice, first in line {first[key.value]}; take one out"
                first.setdefault(key.value, line)
            yield from _repeated(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value, seen)
