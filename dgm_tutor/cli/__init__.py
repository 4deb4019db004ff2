"""The command line: ``dgm-tutor COMMAND`` or ``python -m dgm_tutor COMMAND``.

Exit codes: 0 done, 1 refused (the message says what was given, what was expected, what to do), 2 wrong usage,
130 stopped by hand. Other packages add commands through the entry-point group ``dgm_tutor.commands``.
"""

import argparse
import os
import select
import sys
from importlib.metadata import entry_points

from dgm_tutor import __version__
from dgm_tutor.cli.command import Command, later

OUTPUT = 1  # the descriptor
BUILT_IN = (
    later("lab", "Open the course in JupyterLab.", "dgm_tutor.cli.lab:LAB"),
    later("models", "List the models, their losses and their settings.", "dgm_tutor.cli.inspect:MODELS"),
    later("train", "Train a model and keep its weights; made again, the call resumes.", "dgm_tutor.cli.train:TRAIN"),
    later(
        "sweep", "Train one model for many values of a setting at once (--beta 0.1:10:16).", "dgm_tutor.cli.sweep:SWEEP"
    ),
    later("evaluate", "Bounds on log p(x), rate and distortion of a model.", "dgm_tutor.cli.inspect:EVALUATE"),
    later("claims", "Measure what the lecture claims, C1 to C21, with verdicts.", "dgm_tutor.cli.claims:CLAIMS"),
    later("data", "List the data sets, their licences and sources.", "dgm_tutor.cli.inspect:DATA"),
    later("bench", "Measure speed on this machine: slider latency, training ratios.", "dgm_tutor.cli.bench:BENCH"),
)


def commands() -> list[Command]:
    """The built-in commands, then those of installed companions such as the autograder.

    A companion that cannot be imported is named on stderr; it takes no other command with it.
    """
    found = list(BUILT_IN)
    for point in entry_points(group="dgm_tutor.commands"):
        try:
            found.append(point.load())
        except Exception as error:  # anything at all can be wrong in somebody else's package
            print(f"dgm-tutor: the command {point.name!r} cannot be loaded: {error}", file=sys.stderr)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Only the command that is called for is imported."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="dgm-tutor", description="Deep generative models, varied and combined.")
    parser.add_argument("--version", action="version", version=f"dgm-tutor {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in commands():
        subparser = subparsers.add_parser(command.name, help=command.help, description=command.help)
        if command.name in arguments:
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run)
    args = parser.parse_args(arguments)
    try:
        done = args.run(args)
        sys.stdout.flush()
        return done
    except KeyboardInterrupt:
        print("dgm-tutor: stopped", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        if isinstance(error, BrokenPipeError) and _read_enough():
            return 0
        print(f"dgm-tutor {args.command}: {error}", file=sys.stderr)
        return 1


def _read_enough() -> bool:
    """Whether nobody reads our output any more, as after ``| head``; what is left of it is dropped then."""
    if not hasattr(select, "poll"):  # Windows
        return False
    watched = select.poll()
    watched.register(OUTPUT, 0)
    if gone := any(event & select.POLLERR for _, event in watched.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), OUTPUT)
    return gone
