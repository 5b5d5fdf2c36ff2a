"""The classes that COCO category tables make: in order of id, one a name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from seepseg.labels.class_names import read_merges, tell_cases
from seepseg.labels.coco_json import Category, CocoFile, Id
from seepseg.values import Skip


@dataclass(frozen=True, slots=True)
class Classes:
    """Class names, and the class id of each category of each file."""

    names: tuple[str, ...]
    ids: tuple[dict[Id, int], ...]
    notes: tuple[str, ...]
    faults: tuple[Skip, ...]


def resolve_classes(files: Sequence[CocoFile], merge: Sequence[str]) -> Classes:
    """One table for all files. `merge` holds "" (categories of one name are one class) or "NEW=a,b"."""
    faults = [
        Skip("category id that 'categories' does not list", f"{place} has category_id {identity}")
        for file in files
        for identity, place in file.used.items()
        if all(one.id != identity for one in file.categories)
    ]
    parent = _unused_parent(files)
    tables = [[one for one in file.categories if one != parent] for file in files]
    renamed = read_merges({one.name for table in tables for one in table}, merge)
    if "" not in merge:
        faults += _same_names(files, tables, renamed)
    faults += _conflicts(files, tables)
    first: dict[str, tuple[bool, Id]] = {}
    for one in (one for table in tables for one in table):
        name, order = renamed.get(one.name, one.name), _order(one.id)
        first[name] = min(first.get(name, order), order)
    names = sorted(first, key=lambda name: (*first[name], name))
    if not names and not faults:
        faults.append(Skip("no category is left to make a class of", files[0].name))
    ids = tuple({one.id: names.index(renamed.get(one.name, one.name)) for one in table} for table in tables)
    notes = (
        [f"Category {parent.name!r} (id 0) only heads the others and no annotation has it: left out."] if parent else []
    )
    return Classes(tuple(names), ids, (*notes, *tell_cases(names, merge=True)), tuple(faults))


def _order(identity: Id) -> tuple[bool, Id]:
    return isinstance(identity, str), identity


def _unused_parent(files: Sequence[CocoFile]) -> Category | None:
    """The heading that Roboflow writes at id 0: the others name it as their supercategory, no annotation uses it."""
    for file in files:
        for one in file.categories:
            heads = any(other.parent == one.name and other.id != one.id for other in file.categories)
            if one.id == 0 and heads and not any(0 in other.used for other in files):
                return one
    return None


def _same_names(files: Sequence[CocoFile], tables: Sequence[Sequence[Category]], renamed: dict[str, str]) -> list[Skip]:
    faults = []
    for file, table in zip(files, tables, strict=True):
        counts = Counter(one.name for one in table if one.name not in renamed)
        for name in (name for name, count in counts.items() if count > 1):
            ids = ", ".join(str(one.id) for one in table if one.name == name)
            faults.append(
                Skip("several categories of one name; --merge makes them one", f"{file.name}: {name!r} (ids {ids})")
            )
    return faults


def _conflicts(files: Sequence[CocoFile], tables: Sequence[Sequence[Category]]) -> list[Skip]:
    """Ids that mean one thing in one file and another in the next."""
    known: dict[Id, tuple[str, str]] = {}
    faults = []
    for file, table in zip(files, tables, strict=True):
        for one in table:
            name, where = known.setdefault(one.id, (one.name, file.name))
            if name != one.name:
                place = f"id {one.id} is {name!r} in {where} and {one.name!r} in {file.name}"
                faults.append(
                    Skip("category tables that differ; convert these files one by one or put them right", place)
                )
    return faults
