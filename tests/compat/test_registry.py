"""Every row of the registry holds here, and what it says of the code and the tests is so."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.compat import __main__ as command
from rlexp.compat import applied, broken_rows_cache, registry
from rlexp.compat.registry_row import Row, Target
from rlexp.compat.stock_source import definition

ROOT = Path(__file__).resolve().parents[2]
TARGETS = [(row, target) for row in registry.ROWS for target in row.shape]
SORT = "ray.tune.tune:_setup_signal_catching"


def _installed(row: Row) -> None:
    if registry.installed(row.library) is None:
        pytest.skip(f"{row.library} is not installed")


@pytest.mark.parametrize("row", registry.ROWS, ids=lambda row: row.name)
def test_every_target_is_there_with_the_shape_that_is_expected(row: Row) -> None:
    _installed(row)
    assert row.broken() == {}


@pytest.mark.slow
@pytest.mark.parametrize(("row", "target"), TARGETS, ids=lambda part: getattr(part, "path", ""))
def test_source_and_import_agree_on_every_target(row: Row, target: Target) -> None:
    _installed(row)
    assert applied.live_state(target) == target.state == "there"


def test_names_are_unique_and_files_are_there() -> None:
    names = [row.name for row in registry.ROWS]
    assert len(set(names)) == len(names)
    for row in registry.ROWS:
        for file in row.files:
            assert (ROOT / "rlexp" / file).is_file(), f"{row.name} names {file}"


@pytest.mark.parametrize(
    "row", [row for row in registry.ROWS if row.kind == "patch"], ids=lambda row: row.name
)
def test_every_patch_names_the_test_that_shows_what_is_wrong_without_it(row: Row) -> None:
    assert row.fault is not None
    file, _, test = row.fault.partition("::")
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.M), row.fault


def test_a_renamed_or_reshaped_target_is_seen() -> None:
    row = registry.row("tune.signals")
    assert row.state == "there"
    assert replace(row, targets=("ray.tune.tune:_no_such_name",)).state == "missing"
    assert replace(row, targets=(f"{SORT}(wanted)",)).state == "changed"
    assert replace(row, targets=("ray.tune.no_such_module",)).state == "missing"


@pytest.mark.parametrize(
    ("target", "module"),
    [
        # Set by a method of a base class; re-exported; in a stub of a compiled module; a module itself.
        ("ray.rllib.core.learner.torch.torch_learner:TorchLearner._weights_seq_no", "core.learner.learner"),
        ("ray.rllib.algorithms.impala:IMPALA._pre_queue_episode_refs", "impala.impala"),
        ("torch:_foreach_add_", "torch._C._VariableFunctions"),
        ("ray._private.workers.setup_worker", "workers.setup_worker"),
    ],
)
def test_names_are_found_where_they_are_defined(target: str, module: str) -> None:
    found = definition(target)
    assert found is not None and found.module.endswith(module)


def test_what_is_needed_ends_with_the_row_and_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.tune import tune

    applied.need("tune.signals")
    monkeypatch.delattr(tune, "_setup_signal_catching")
    with pytest.raises(ConfigError, match="tune.signals") as caught:
        applied.need("tune.signals")
    assert "supported: ray[rllib,tune]" in str(caught.value) and "<2.61" in str(caught.value)
    with pytest.raises(ConfigError, match="tune.signals"), applied.needed("tune.signals"):
        from ray.tune.tune import _setup_signal_catching  # noqa: F401


def test_an_error_of_a_private_name_that_is_gone_names_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    error = AttributeError("'PPOTorchLearner' object has no attribute '_get_optimizer_lr'")
    assert applied.explained(error) is None  # It is there: the error is another's.
    row = replace(registry.row("rllib.optimizers"), targets=(f"{SORT}.no", "ray:_get_optimizer_lr"))
    monkeypatch.setattr(registry, "ROWS", (row,))
    told = applied.explained(RuntimeError("outer")) or applied.explained(error)
    assert told is not None and "rllib.optimizers" in told and "supported" in told


def test_the_command_prints_every_row_and_the_broken_ones(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = registry.row("tune.signals")
    gone = replace(row, name="gone", targets=("ray.tune.tune:_no_such_name",))
    monkeypatch.setattr(registry, "ROWS", (row, gone))
    assert command.main([]) == 1
    printed = capsys.readouterr().out
    assert "tune.signals" in printed and "_no_such_name: missing" in printed
    assert command.main(["--json", "--broken"]) == 1
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["gone"]


def test_a_run_that_fails_of_a_version_says_which_are_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlexp.run.lifecycle import one_line

    error = AttributeError("'PPO' object has no attribute '_counters'")
    assert one_line(error) == "AttributeError: 'PPO' object has no attribute '_counters'"
    row = replace(registry.row("rllib.skipped_evaluations"), targets=("ray:_counters",))
    monkeypatch.setattr(registry, "ROWS", (row,))
    assert "supported: ray[rllib,tune]" in one_line(error)


def test_the_doctor_names_broken_rows_and_remembers_them_by_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlexp.cli import doctor

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    gone = replace(registry.row("tune.signals"), targets=("ray.tune.tune:_no_such_name",))
    monkeypatch.setattr(registry, "ROWS", (gone,))
    assert broken_rows_cache.broken_targets() == {"tune.signals": {"ray.tune.tune:_no_such_name": "missing"}}
    (file,) = (tmp_path / "rlexp").iterdir()
    file.write_text('{"tune.signals": {"remembered": "changed"}}')
    assert broken_rows_cache.broken_targets() == {"tune.signals": {"remembered": "changed"}}
    (line,) = doctor.unsupported(broken_rows_cache.broken_targets())
    assert line.startswith("ray 2.") and "remembered is changed" in line and "<2.61" in line
    file.write_text("no JSON")
    assert "_no_such_name" in str(broken_rows_cache.broken_targets())


def test_the_doctor_remembers_nothing_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    monkeypatch.setattr(registry, "ROWS", (registry.row("tune.signals"),))
    assert broken_rows_cache.broken_targets() == {}
