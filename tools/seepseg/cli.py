"""The command table. Each command is a module of `commands` with add_arguments and run."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from seepseg import __version__
from seepseg.errors import SeepsegError, UsageError
from seepseg.wording import enumerate_words, suggest

COMMANDS = {
    "get": "fetch a dataset by its recipe, or from Roboflow, Kaggle or a link",
    "convert": "turn masks, COCO, LabelMe, boxes or scenes into an exact YOLO-seg dataset",
    "check": "find what is wrong with a dataset before training does",
    "preview": "look at images, truth and labels side by side",
    "train": "train YOLO on a dataset, with the balance that rare classes need",
    "eval": "measure how good a model is, where it fails, and how sure that is",
    "predict": "find objects in an image, a folder, a scene or a video",
    "export": "make a bundle of a model that runs elsewhere and gives the same answer",
    "app": "open the page: see, decide, take away",
    "compare": "hold evaluations against each other: is the difference real",
    "simulate": "make SAR tiles and scenes with seeps of seven classes",
    "demo": "see it work on simulated data, step by step",
}
ALIASES = {"val": "eval"}

FIRST_STEPS = """first steps:
  seepseg demo                                             see all of it work, offline, in a few minutes
  seepseg app                                              open the page, and try the model on an image
  seepseg convert masks IMAGES MASKS OUT --names oil       make a dataset of your own images and masks
  seepseg COMMAND --help                                   examples and flags of a command"""
LIBRARIES_HINT = (
    "a system library is missing ({reason}); what OpenCV needs, Debian and Ubuntu install with: "
    "apt-get install -y libgl1 libglib2.0-0 libxcb1"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 1 the answer is no, 2 the user must change something."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args, unknown = build_parser(arguments).parse_known_args(arguments)
        if unknown:
            raise UsageError(_not_understood(unknown, args))
        if not hasattr(args, "run"):
            build_parser([]).print_help()
            return 2
        return int(args.run(args))
    except SeepsegError as error:
        print(f"seepseg: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"seepseg: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except ImportError as error:
        if ".so" not in str(error):
            raise
        reason = str(error).split(":")[0]
        print(f"seepseg: {LIBRARIES_HINT.format(reason=reason)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("seepseg: stopped", file=sys.stderr)
        return 130


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the flags of the one command that is asked for: the others are not imported."""
    parser = argparse.ArgumentParser(
        prog="seepseg",
        description="Oil seeps and spills in SAR and aerial images, from labels to the edge.",
        epilog=FIRST_STEPS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"seepseg {__version__}")
    table = parser.add_subparsers(metavar="COMMAND")
    word = next((word for word in arguments if not word.startswith("-")), "")
    wanted = ALIASES.get(word, word)
    for name, summary in COMMANDS.items():
        also = [alias for alias, meant in ALIASES.items() if meant == name]
        command = table.add_parser(
            name, aliases=also, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == wanted:
            module = importlib.import_module(f"seepseg.commands.{name}")
            command.description = module.__doc__
            module.add_arguments(command)
            if not command.get_default("run"):
                command.set_defaults(run=module.run)
            command.set_defaults(parser=command)
    return parser


def _not_understood(unknown: Sequence[str], args: argparse.Namespace) -> str:
    """Flags with those that are spelt alike, or words beyond those that the command takes."""
    if not hasattr(args, "parser"):
        return f"{unknown[0]}: not understood without a command; see seepseg --help"
    command: argparse.ArgumentParser = args.parser
    flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    takes = enumerate_words([str(action.metavar) for action in command._actions if not action.option_strings])
    if flags:
        meant = suggest(flags[0], [flag for action in command._actions for flag in action.option_strings])
        if "key=value" in takes and not meant:
            meant = f", and Ultralytics' settings are given as {flags[0].lstrip('-')}=…"
        return f"{flags[0]}: no flag of '{command.prog}'{meant}; see {command.prog} --help"
    lists = "; of several files make a folder, or a .txt with a path a line" if "SOURCE" in takes else ""
    return f"{unknown[0]}: '{command.prog}' takes {takes} and no more{lists}; see {command.prog} --help"
