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
from rlexp.storage.buckets.sync import StoreSync
from rlexp.storage.runs.trial_status import OVER, metric_of
from rlexp.storage.sweeps.sweep_view import FROZEN
from rlexp.sweep.execution.monitor import MissingScoreWarning, SweepMonitor, warn_missing_metrics
from rlexp.sweep.execution.resume_changes import apply_changes, unfinished
from rlexp.sweep.folder import SweepFolder
from rlexp.sweep.settings import SweepSettings
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
    with one_at_a_time("the sweep"), folder.locked():
        folder.adopt_seals()
        settings, overrides = apply_changes(folder, overrides)
        folder.fetch_trials()
        trials, damaged = folder.frozen.all(overrides), folder.damaged
        adaptive = folder.adaptive()
        if not trials and adaptive is None:
            raise ConfigError(f"{folder.path / FROZEN} is damaged: it holds no trial")
        first = trials[0].config if trials or adaptive is None else adaptive.first(overrides)
        metric = metric_of(settings.metric, first.evaluation.settings.get("evaluation_interval") is not None)
        monitor = SweepMonitor.of(folder, metric, trials, settings)
        if adaptive is not None:
            monitor.expect(adaptive.count - len(trials), first)
        todo = unfinished(monitor, overrides)
        for name in todo:
            monitor.mark_waiting(name)
        monitor.write(status="running", metric=metric)
        folder.push()
        continued = sum(1 for name in todo if monitor.statuses[name].env_steps)
        if not todo and not monitor.undrawn:
            terminal().say(_nothing_left_message(monitor))
            code = _finish(monitor, None)
            folder.push()
            return code
        with (
            quiet(folder.path / LOG) as screen,
            interruptible() as interrupt,
            _mirrored(folder, screen) as taken_over,
        ):
            if damaged:
                screen.warn("sweep.json was damaged; it is made anew from the trials' own folders")
            if len(todo) < len(trials) or continued:
                done, new = len(trials) - len(todo), len(todo) - continued + monitor.undrawn
                screen.say(f"{done} done before, {continued} go on where they were, {new} begin")
            try:
                _run_trials(monitor, todo, first, settings, overrides, command, screen, interrupt, taken_over)
            except KeyboardInterrupt:
                screen.warn("interrupted at once; the trials' last checkpoints stand")
            code = _finish(monitor, interrupt.name)
            warn_missing_metrics(monitor, screen.warn)
            return code


def _run_trials(
    monitor: SweepMonitor,
    todo: Sequence[str],
    first: RunConfig,
    settings: SweepSettings,
    overrides: Sequence[str],
    command: Sequence[str],
    terminal: Terminal,
    interrupt: Interrupt,
    taken_over: Callable[[], bool],
) -> None:
    with terminal.status("starting Ray ..."), children_keep_on():
        from rlexp.hardware.ray_session import session
        from rlexp.sweep.execution import preload
        from rlexp.sweep.execution.trial_source import trial_names
        from rlexp.sweep.trials.resources import at_once, check_joined

        preload.begin(first)
        session.start(first, monitor.folder.path / LOG, preload=preload.MODULES)
    try:
        have = session.resources()
        for config in (first, *(monitor.trials[name].config for name in todo)):
            check_joined(config, have)
        concurrency = settings.concurrency
        from rlexp.run.stopping import request_relay
        from rlexp.sweep.execution import sealing_key_lending, tune_runner
        from rlexp.sweep.execution.active_scheduler import ActiveScheduler

        if monitor.undrawn:  # Drawn when there is room for it, and no earlier: by then more scores are known.
            concurrency = concurrency or -(-at_once(first, have, None) // settings.seeds) * settings.seeds
        from rlexp.sweep.execution.live_table import LiveTable

        scheduling = ActiveScheduler.of(monitor, todo, first, settings)
        if scheduling.keys:
            monitor.current_values = scheduling.values
        seals = monitor.folder.seals
        gc_pause.end()
        common = {
            "sweep": monitor.folder.place,
            "metric": monitor.metric,
            "overrides": list(overrides),
            "command": list(command),
            "seals": seals,
            "compare_at": list(scheduling.compare_at),
            "report_s": REPORT_S if scheduling.scheduler is None else 0.0,
        }
        stop = tune_runner.SweepStopper(
            lambda: bool(interrupt) or taken_over() or (settings.fail_fast and listener.any_failed),
            settings.wall_s,
            lambda: request_relay.announce(seals),
        )
        listener = tune_runner.MonitorCallback(monitor, stopping=stop.stop_all)
        board = LiveTable(terminal)

        def interrupted(name: str) -> None:
            terminal.say(_interrupt_message(name))
            request_relay.announce(seals)

        request_relay.forget(seals)
        with sealing_key_lending.lent(seals), board, interrupt.deferred(interrupted):
            monitor.watchers += [board, MissingScoreWarning(scheduling.compare_at, terminal.warn)]
            tune_runner.run_trials(
                monitor,
                common,
                tune_runner.PlannedTrials(
                    trial_names(monitor, todo, settings, terminal.warn), monitor.current_values
                ),
                scheduling.scheduler,
                stop=stop,
                listener=listener,
                max_failures=settings.max_failures,
                concurrency=concurrency,
                trials=len(todo) + monitor.undrawn,
            )
    finally:
        session.stop()


@contextmanager
def _mirrored(folder: SweepFolder, terminal: Terminal) -> Iterator[Callable[[], bool]]:
    """Meanwhile mirrors the sweep's own files to its store; yields whether another process took over."""
    if folder.mirror is None:
        yield lambda: False
        return
    keeper = StoreSync(folder.mirror, terminal.warn, every_s=KEEP_S)
    try:
        yield lambda: keeper.taken
    finally:
        try:
            keeper.close()
        except (OSError, RunFailedError) as error:
            message = f"the last state was not brought to {folder.place}; it lies in {folder.path}"
            terminal.warn(f"{message}: {str(error).splitlines()[0]}")


def _finish(monitor: SweepMonitor, signal_name: str | None) -> int:
    """Brings `sweep.json` up to date with the trials' folders; returns the exit code (`signal_name`: what ended it)."""
    with suppress(ConfigError):  # Then the statuses are those that this machine has.
        monitor.folder.fetch_trials()
    for name in monitor.trials:
        monitor.finalize(name)
    statuses = {each.status for each in monitor.statuses.values()}
    if "failed" in statuses:
        sweep_status, code = "failed", EXIT_FAILED
    elif statuses <= set(OVER) and not monitor.undrawn:
        sweep_status, code = "done", EXIT_DONE
    else:
        sweep_status, code = "stopped", EXIT_DONE
    if signal_name is not None:
        sweep_status, code = "stopped", exit_code_of(signal_name)
    lock.free_room(monitor.folder.path)
    try:
        monitor.write(status=sweep_status)
    except OSError as error:
        raise RunFailedError(
            f"how the trials stand cannot be written to {monitor.folder.place}: {plain_reason(error) or error}\n"
            f"  {shell_command('resume', monitor.folder.place)} makes it anew from the trials' own folders"
        ) from error
    return code


def _nothing_left_message(monitor: SweepMonitor) -> str:
    counts = monitor.counts
    how = ", ".join(f"{counts[status]} {status}" for status in ("done", "pruned") if counts[status])
    more = f"stop.env_steps={2 * monitor.budget}" if monitor.budget else "stop.<rule>=<more>"
    return f"nothing is left to do: {how} (for more: {shell_command('resume', monitor.folder.place)} {more})"


def _interrupt_message(name: str) -> str:
    return f"{name}: the trials that run save and stop (once more to stop at once, without saving)"
