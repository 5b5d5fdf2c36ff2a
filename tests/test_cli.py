import re
import subprocess
import sys
from pathlib import Path

import pytest

from seepseg import cli


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    assert f"seepseg {command}" in capsys.readouterr().out.replace("usage: ", "")


def test_help_starts_without_any_heavy_import() -> None:
    code = "import sys; from seepseg import cli; cli.build_parser([]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "ultralytics", "cv2", "numpy", "rasterio", "streamlit"} & set(loaded)


def test_converting_never_imports_torch(tmp_path: Path) -> None:
    code = "import sys; from seepseg.cli import main; main(['convert', 'masks', 'a', 'b', 'c']); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert not {"torch", "ultralytics"} & set(run.stdout.split())


def test_a_users_mistake_is_one_sentence_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "no-such-folder"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("seepseg: no-such-folder")
    assert "Traceback" not in shown.err + shown.out


def test_a_word_that_is_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["chek"])
    assert "invalid choice: 'chek'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["predict", "m", "a.png", "b.png", "--out", "o"],
            "b.png: 'seepseg predict' takes MODEL and SOURCE and no more; of",
        ),
        (["check", "data", "--naer"], "--naer: no flag of 'seepseg check' (did you mean --near?); see"),
        (
            ["convert", "labelme", "x", "y", "--nmaes=oil"],
            "no flag of 'seepseg convert labelme' (did you mean --names?)",
        ),
        (["simulate", "drift", "x", "--frame-s", "3"], "no flag of 'seepseg simulate drift' (did you mean --frames?)"),
        (["--jsno"], "--jsno: not understood without a command; see seepseg --help"),
    ],
)
def test_what_is_not_understood_is_told_with_what_would_be(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert cli.main(words) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert "\n" not in shown.rstrip()


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    shown = capsys.readouterr().out
    assert all(f"\n    {command} " in shown for command in cli.COMMANDS)


def test_no_command_says_what_to_do_first_in_commands_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([])
    steps = re.findall(r"^  seepseg (\w+)", capsys.readouterr().out, re.M)
    assert steps[0] == "demo"
    assert set(steps) - {"COMMAND"} <= set(cli.COMMANDS)


def test_a_missing_system_library_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(cli.importlib, "import_module", fail)
    assert cli.main(["check", "x"]) == 2
    assert "(libGL.so.1)" in (said := capsys.readouterr().err)
    assert "apt-get install -y libgl1 libglib2.0-0 libxcb1" in said


def test_a_full_disk_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(arguments: list[str]) -> None:
        raise OSError(28, "No space left on device", "out/images/a.png")

    monkeypatch.setattr(cli, "build_parser", fail)
    assert cli.main(["check", "x"]) == 2
    assert capsys.readouterr().err == "seepseg: out/images/a.png: No space left on device\n"


def test_python_m_seepseg_is_seepseg() -> None:
    run = subprocess.run([sys.executable, "-m", "seepseg", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("seepseg ")
