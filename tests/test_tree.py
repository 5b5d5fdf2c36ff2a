"""docs/TREE.md holds a line for every module, taken from its docstring; write it anew: python tests/test_tree.py"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tools" / "seepseg"
TREE = ROOT / "docs" / "TREE.md"
WIDTH = 122


def test_the_tree_in_docs_is_that_of_the_modules() -> None:
    assert TREE.read_text(encoding="utf-8") == draw_tree()


def test_the_readme_names_every_package() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^    ([a-z]+)/ ", readme.split("## The tree")[1], re.MULTILINE)
    assert named == [folder.name for folder in packages()]


def draw_tree() -> str:
    lines = ["# The package, file by file", "", "```", "tools/seepseg/"]
    lines += [describe(file, 2) for file in modules(PACKAGE)]
    for folder in packages():
        lines += describe_package(folder, 2)
    return "\n".join([*lines, "```", ""])


def describe_package(folder: Path, indent: int) -> list[str]:
    lines = [cut(" " * indent + f"{folder.name}/", first_sentence(folder / "__init__.py"))]
    lines += [describe(file, indent + 2) for file in modules(folder)]
    return [*lines, *(line for inner in packages(folder) for line in describe_package(inner, indent + 2))]


def packages(folder: Path = PACKAGE) -> list[Path]:
    return sorted(file.parent for file in folder.glob("*/__init__.py"))


def modules(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py")


def describe(file: Path, indent: int) -> str:
    return cut(" " * indent + file.name, first_sentence(file))


def first_sentence(file: Path) -> str:
    text = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    sentence = re.split(r"(?<=\w)\.(?:\s|$)|; ", " ".join(text.split()))[0].rstrip(".")
    named = re.match(r"[A-Z]{2}|[A-Z][a-z]+[A-Z]|Ultralytics|Python|Streamlit|Mask R-CNN", sentence)
    return sentence if named else sentence[:1].lower() + sentence[1:]


def cut(name: str, text: str) -> str:
    line = f"{name:<25} {text}"
    if len(line) <= WIDTH:
        return line
    at = max(line.rfind(sign, 60, WIDTH) for sign in (", ", ": "))
    return line[:at] if at > 0 else line[:WIDTH].rsplit(" ", 1)[0] + " …"


if __name__ == "__main__":
    TREE.write_text(draw_tree(), encoding="utf-8")
