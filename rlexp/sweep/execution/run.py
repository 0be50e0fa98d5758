"""Runs a sweep's trials, those that are not done yet, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from rlexp.base import gc_pause
from rlexp.base.errors import EXIT_DONE, EXIT_FAILED, ConfigError, RunFailedError
from rlexp.base.files import lock
from rlexp.base.files.atomic import plain_reason
from rlexp.base.shell_commands import shell_command
from rlexp.config.schema import RunConfig
from rlexp.storage.buckets.sync import Keeper
from rlexp.storage.runs.trial_status import OVER, metric_of
from rlexp.storage.sweeps.sweep_view import FROZEN
from rlexp.sweep.execution.monitor import Course
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.results.unfinished import unfinished
from rlexp.sweep.results.unscored import Unscored, say_what_is_missing
from rlexp.sweep.resume_changes import apply
from rlexp.sweep.settings import SweepChoice
from rlexp.terminal.interrupt import Interrupt, children_keep_on, exit_code_of, interruptible
from rlexp.terminal.messages import Terminal
from rlexp.terminal.one_at_a_time import one_at_a_time
from rlexp.terminal.quiet import quiet, terminal

LOG = "log.txt"
KEEP_S = 10.0
"""Seconds between two versions of the sweep's own files in a store."""
REPORT_S = 0.5
"""Seconds between a trial's reports where no scheduler waits for them."""


def run_sweep(folder: SweepFolder, overrides: Sequence[str] = (), command: Sequence[str] = ()) -> int:
    """Trains every trial that is not done; each goes on from its own checkpoints.

    Args:
        folder: frozen.
        overrides: changes for all trials, as for resuming a run: with a longer budget those that are done go on, too;
            and of the sweep's own settings.
        command: the command line, for manifests.

    Returns:
        1 when a trial has failed, 130 when it was interrupted (75 by a batch system), else 0.

    Raises:
        ConfigError: another process runs this sweep, its records are damaged, no trial can ever start, or an
            override is refused.
    """
    with one_at_a_time("the sweep"), folder.held():
        folder.adopt()
        chosen, overrides = apply(folder, overrides)
        folder.look_all()
        trials, damaged = folder.frozen.all(overrides), folder.damaged
        adaptive = folder.adaptive()
        if not trials and adaptive is None:
            raise ConfigError(f"{folder.path / FROZEN} is damaged: it holds no trial")
        first = trials[0].config if trials or adaptive is None else adaptive.first(overrides)
        metric = metric_of(chosen.metric, first.evaluation.settings.get("evaluation_interval") is not None)
        course = Course.of(folder, metric, trials, chosen)
        if adaptive is not None:
            course.come(adaptive.count - len(trials), first)
        todo = unfinished(course, overrides)
        for name in todo:
            course.wait(name)
        course.write(status="running", metric=metric)
        folder.push()
        begun = sum(1 for name in todo if course.told[name].env_steps)
        if not todo and not course.to_come:
            terminal().say(_nothing_left(course))
            code = _settled(course, None)
            folder.push()
            return code
        with (
            quiet(folder.path / LOG) as screen,
            interruptible() as interrupt,
            _kept(folder, screen) as lost,
        ):
            if damaged:
                screen.warn("sweep.json was damaged; it is made anew from the trials' own folders")
            if len(todo) < len(trials) or begun:
                done, fresh = len(trials) - len(todo), len(todo) - begun + course.to_come
                screen.say(f"{done} done before, {begun} go on where they were, {fresh} begin")
            try:
                _go(course, todo, first, chosen, overrides, command, screen, interrupt, lost)
            except KeyboardInterrupt:
                screen.warn("interrupted at once; the trials' last checkpoints stand")
            code = _settled(course, interrupt.name)
            say_what_is_missing(course, screen.warn)
            return code


def _go(
    course: Course,
    todo: Sequence[str],
    first: RunConfig,
    chosen: SweepChoice,
    overrides: Sequence[str],
    command: Sequence[str],
    terminal: Terminal,
    interrupt: Interrupt,
    lost: Callable[[], bool],
) -> None:
    with terminal.status("starting Ray ..."), children_keep_on():
        from rlexp.hardware.ray_session import session
        from rlexp.sweep.execution import preload
        from rlexp.sweep.planning.resources import at_once, check_joined
        from rlexp.sweep.search.trial_source import names

        preload.begin(first)
        session.start(first, course.folder.path / LOG, preload=preload.MODULES)
    try:
        have = session.resources()
        for config in (first, *(course.trials[name].config for name in todo)):
            check_joined(config, have)
        concurrency = chosen.concurrency
        from rlexp.run.stopping import request_relay
        from rlexp.sweep.execution import key_lending, tune_runner
        from rlexp.sweep.schedulers.active import Scheduling

        if course.to_come:  # Drawn when there is room for it, and no earlier: by then more scores are known.
            concurrency = concurrency or -(-at_once(first, have, None) // chosen.seeds) * chosen.seeds
        from rlexp.sweep.terminal_board import Board

        scheduling = Scheduling.of(course, todo, first, chosen)
        if scheduling.keys:
            course.changing = scheduling.values
        seals = course.folder.seals
        gc_pause.end()
        common = {
            "sweep": course.folder.place,
            "metric": course.metric,
            "overrides": list(overrides),
            "command": list(command),
            "seals": seals,
            "compare_at": list(scheduling.compare_at),
            "report_s": REPORT_S if scheduling.scheduler is None else 0.0,
        }
        stop = tune_runner.Stop(
            lambda: bool(interrupt) or lost() or (chosen.fail_fast and listener.any_failed),
            chosen.wall_s,
            lambda: request_relay.announce(seals),
        )
        listener = tune_runner.Listener(course, stopping=stop.stop_all)
        board = Board(terminal)

        def interrupted(name: str) -> None:
            terminal.say(_on_interrupt(name))
            request_relay.announce(seals)

        request_relay.forget(seals)
        with key_lending.lent(seals), board, interrupt.deferred(interrupted):
            course.watchers += [board, Unscored(scheduling.compare_at, terminal.warn)]
            tune_runner.fit(
                course,
                common,
                tune_runner.Planned(names(course, todo, chosen, terminal.warn), course.changing),
                scheduling.scheduler,
                stop=stop,
                listener=listener,
                max_failures=chosen.max_failures,
                concurrency=concurrency,
                trials=len(todo) + course.to_come,
            )
    finally:
        session.stop()


@contextmanager
def _kept(folder: SweepFolder, terminal: Terminal) -> Iterator[Callable[[], bool]]:
    """Meanwhile a store has the sweep's own files, too; what is yielded tells whether another process took over."""
    if folder.mirror is None:
        yield lambda: False
        return
    keeper = Keeper(folder.mirror, terminal.warn, every_s=KEEP_S)
    try:
        yield lambda: keeper.taken
    finally:
        try:
            keeper.close()
        except (OSError, RunFailedError) as error:
            told = f"the last state was not brought to {folder.place}; it lies in {folder.path}"
            terminal.warn(f"{told}: {str(error).splitlines()[0]}")


def _settled(course: Course, signal_name: str | None) -> int:
    """Brings `sweep.json` to what the trials' folders say, and judges the whole; `signal_name`: what ended it."""
    with suppress(ConfigError):  # Then what this machine has is told.
        course.folder.look_all()
    for name in course.trials:
        course.settle(name)
    statuses = {told.status for told in course.told.values()}
    if "failed" in statuses:
        status, code = "failed", EXIT_FAILED
    elif statuses <= set(OVER) and not course.to_come:
        status, code = "done", EXIT_DONE
    else:
        status, code = "stopped", EXIT_DONE
    if signal_name is not None:
        status, code = "stopped", exit_code_of(signal_name)
    lock.free_room(course.folder.path)
    try:
        course.write(status=status)
    except OSError as error:
        raise RunFailedError(
            f"how the trials stand cannot be written to {course.folder.place}: {plain_reason(error) or error}\n"
            f"  {shell_command('resume', course.folder.place)} makes it anew from the trials' own folders"
        ) from error
    return code


def _nothing_left(course: Course) -> str:
    counts = course.counts
    how = ", ".join(f"{counts[status]} {status}" for status in ("done", "pruned") if counts[status])
    more = f"stop.env_steps={2 * course.budget}" if course.budget else "stop.<rule>=<more>"
    return f"nothing is left to do: {how} (for more: {shell_command('resume', course.folder.place)} {more})"


def _on_interrupt(name: str) -> str:
    return f"{name}: the trials that run save and stop (once more to stop at once, without saving)"
