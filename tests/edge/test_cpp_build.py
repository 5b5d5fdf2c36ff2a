import pytest

from seepseg.edge.cpp import build, find_compiler
from seepseg.errors import UsageError


def test_without_a_compiler_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert find_compiler() is None
    with pytest.raises(UsageError, match=r"no C\+\+ compiler is found; install g\+\+"):
        build(tmp_path / "runner")


@pytest.mark.parametrize("place", [".", "gone/runner"])
def test_a_place_where_no_program_can_be_is_told_before_anything_is_compiled(tmp_path, monkeypatch, place):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match="give a name for the program, in a folder that is there"):
        build(tmp_path / place)


def test_a_compiler_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    compiler = tmp_path / "compiler"
    compiler.write_text(
        '#!/bin/sh\nfor word; do [ "$last" = -o ] && echo >"$word"; last=$word; done\necho bad >&2\nexit 1\n'
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(UsageError, match=r"could not build the runner:\n(?s:.*)seepseg_edge\.cpp(?s:.*)bad"):
        build(tmp_path / "runner")
    assert [one.name for one in tmp_path.iterdir()] == ["compiler"]
