"""From a recipe to `seepseg convert`: the same flags, the same code, so it can do nothing that the command cannot."""

import argparse
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from seepseg.errors import SourceError, UsageError, listing
from seepseg.sources.parts import Piece, join
from seepseg.sources.recipe import Flags, Part
from seepseg.values import Source
from seepseg.wording import suggest

DEEPEST = 3
_FLAG = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


def parse_call(text: str) -> tuple[Part | None, tuple[str, ...]]:
    """What stands behind --convert: KIND PATHS FLAGS, or flags alone to add to those of a recipe."""
    words = shlex.split(text)
    first = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
    if not first:
        return None, tuple(words)
    return Part(words[0], tuple(words[1:first])), tuple(words[first:])


def spell(flags: Flags) -> list[str]:
    """Flags as on a command line; = keeps a value such as -1 from being taken for a flag."""
    words = []
    for name, values in flags:
        words += [f"--{name}={values[0]}"] if len(values) == 1 else [f"--{name}", *values]
    return words


def find_data(folder: Path, parts: Sequence[Part]) -> Path:
    """Where the parts' paths start: the folder itself, or the one folder below it that holds them all."""
    if all(path == "." for part in parts for path in part.paths):
        return _inside_wrappers(folder)
    level = [folder]
    for _ in range(DEEPEST + 1):
        found = [place for place in level if not missing(place, parts)]
        if len(found) == 1:
            return found[0]
        if found:
            raise SourceError(f"{folder}: the dataset is there more than once:\n{listing(list(map(str, found)))}")
        level = [inner for place in level for inner in sorted(place.iterdir()) if _worth_a_look(inner)]
    raise SourceError(f"{folder}: lacks {', '.join(missing(folder, parts))}")


def _inside_wrappers(folder: Path) -> Path:
    """Archives often hold one folder that holds everything."""
    inner = [path for path in folder.iterdir() if not path.name.startswith(".")]
    return _inside_wrappers(inner[0]) if len(inner) == 1 and inner[0].is_dir() else folder


def missing(folder: Path, parts: Iterable[Part]) -> list[str]:
    """Paths of the parts that are not in this folder."""
    wanted = dict.fromkeys(path for part in parts for path in part.paths)
    return [path for path in wanted if not (folder / path).exists()]


def _worth_a_look(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def commands(parts: Sequence[Part], data: Path, out: Path, extra: Sequence[str]) -> list[list[str]]:
    """The words after `seepseg convert`, one list a part; {data} in a flag is the dataset's folder."""
    calls = []
    for part in parts:
        flags = [word.replace("{data}", str(data)) for word in (*spell(part.flags), *extra)]
        calls.append([part.kind, *(str(data / path) for path in part.paths), str(out), *flags])
    return calls


def check_flags(parts: Sequence[Part], extra: Sequence[str]) -> None:
    """Every flag that `seepseg convert` does not know, before anything is fetched."""
    problems = []
    for part in parts:
        known = _known_flags(part.kind)
        for word in (*spell(part.flags), *extra):
            if (flag := _FLAG.match(word)) and flag[1] not in known:
                hint = suggest(flag[1], known, "--")
                problems.append(f"convert {part.kind}: unknown flag --{flag[1]}{hint}")
    if problems:
        raise UsageError(listing(list(dict.fromkeys(problems))))


def _known_flags(kind: str) -> list[str]:
    from seepseg.commands.convert import add_arguments
    from seepseg.commands.kinds import KINDS

    if kind not in KINDS:
        raise UsageError(f"convert {kind}: no such kind; choose among {', '.join(sorted(KINDS))}")
    kinds = argparse.ArgumentParser()
    add_arguments(kinds)
    chooser = next(action for action in kinds._actions if isinstance(action, argparse._SubParsersAction))
    return sorted(set(_FLAG.findall(chooser.choices[kind].format_help())))


def run_conversion(parts: Sequence[Part], calls: Sequence[Sequence[str]]) -> int:
    """Run `seepseg convert`; several parts go into one dataset, under the flags of the first."""
    from seepseg.commands.convert import add_arguments

    parser = argparse.ArgumentParser(prog="seepseg convert")
    add_arguments(parser)
    spaces = [parser.parse_args(call) for call in calls]
    first = spaces[0]
    if len(spaces) > 1 or parts[0].split:
        first.open_source = partial(_open_all, tuple(parts), tuple(spaces), tuple(one.open_source for one in spaces))
    return int(first.run(first))


def _open_all(
    parts: Sequence[Part],
    spaces: Sequence[argparse.Namespace],
    openers: Sequence[Callable[[argparse.Namespace], Source]],
    _: argparse.Namespace,
) -> Source:
    return join(
        [
            Piece(opener(space), part.split, part.name or part.kind)
            for part, space, opener in zip(parts, spaces, openers, strict=True)
        ]
    )
