"""What `fireai run` was told of generator processes: checked, and a worker's part carried out."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from fireai_analysis.commands import terminal
from fireai_analysis.errors import ParamsError
from fireai_analysis.spec import Fleet

PORT = 5557
LOOPBACK = "127.0.0.1"
MOST_WORKERS = 100


@dataclass(frozen=True)
class Asked:
    """The options as they were given; None or False: not given."""

    processes: int | None = None
    master: bool = False
    expect_workers: int | None = None
    bind: str | None = None
    worker: bool = False
    master_host: str | None = None
    master_port: int | None = None


def fleet(asked: Asked) -> Fleet:
    """Return the generator processes that a run is to have.

    Raises
    ------
    ParamsError
        Where options do not go together or a number is out of its range.

    Examples
    --------
    >>> fleet(Asked(processes=3)).workers
    3
    """
    _refuse_both("--processes", asked.processes is not None, "--master", asked.master)
    for option, value in (("--expect-workers", asked.expect_workers), ("--bind", asked.bind)):
        _refuse_without(option, value, "--master", asked.master)
    for option, value in (("--master-host", asked.master_host), ("--master-port", asked.master_port)):
        _refuse_without(option, value, "--worker", asked.worker)
    if asked.processes is not None:
        count = _in_range("--processes", asked.processes, MOST_WORKERS)
        return Fleet() if count == 1 else Fleet(kind="host", workers=count)
    if not asked.master:
        return Fleet()
    host, port = _place(asked.bind) if asked.bind is not None else (LOOPBACK, PORT)
    workers = _in_range("--expect-workers", 1 if asked.expect_workers is None else asked.expect_workers, MOST_WORKERS)
    return Fleet(kind="network", workers=workers, bind_host=host, bind_port=port)


def work(asked: Asked, given: dict[str, bool], target: str | None) -> int:
    """Take part in the runs of a master, and return the exit code.

    Parameters
    ----------
    asked : Asked
        Options of `--worker`.
    given : dict
        Which of the other options were given: the master has them.
    target : str or None
        Target file of this machine that allows the load.

    Raises
    ------
    ParamsError
        Where options do not go together.
    """
    _refuse_both("--worker", True, "--processes", asked.processes is not None)
    _refuse_both("--worker", True, "--master", asked.master)
    for option, value in (("--expect-workers", asked.expect_workers), ("--bind", asked.bind)):
        _refuse_both("--worker", True, option, value is not None)
    for option, is_given in given.items():
        if is_given:
            raise ParamsError("run", option, "a worker is told it by its master", "give it to the master")
    if asked.master_host is None:
        raise ParamsError("run", "--worker", "it is not said where the master is", "give --master-host HOST")
    port = PORT if asked.master_port is None else _in_range("--master-port", asked.master_port, 65535)
    from fireai_analysis.collect.guard import refuse_proxies
    from fireai_analysis.collect.remote import take_part

    refuse_proxies()
    return take_part(asked.master_host, port, target=target, tell=_tell)


def _tell(line: str) -> None:
    terminal.output().print(line, markup=False, soft_wrap=True)
    sys.stdout.flush()


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise ParamsError("run", "--bind", f"found {text!r}", f"give HOST:PORT, such as {LOOPBACK}:{PORT}")
    return host.strip("[]"), _in_range("--bind", int(port), 65535)


def _in_range(option: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise ParamsError("run", option, f"found {value}", f"give a whole number from 1 to {most}")
    return value


def _refuse_both(first: str, has_first: bool, second: str, has_second: bool) -> None:
    if has_first and has_second:
        raise ParamsError("run", second, f"does not go with {first}", "give one of them")


def _refuse_without(option: str, value: object, needed: str, has_needed: bool) -> None:
    if value is not None and not has_needed:
        raise ParamsError("run", option, f"means nothing without {needed}", f"give {needed}, or leave it out")
