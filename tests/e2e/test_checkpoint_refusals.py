"""Checkpoints that are cut short, damaged, foreign or of another network; the numbers are those of the faults."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from breaking import TRUSTED
from harness import flip, records
from processes import BATCH, SMALL, Command, checkpoints, corridor, manifest, rlexp_child

from rlexp.base.errors import CheckpointError, ConfigError


def test_16_killed_inside_a_save_the_last_whole_checkpoint_is_used(tmp_path: Path, command: Command) -> None:
    folder = tmp_path / "runs" / "a"
    wide = [word for word in corridor() if not word.startswith("model.")]
    words = (*wide, "model.fcnet_hiddens=[1024,1024]", "callbacks=none", "checkpoint.keep=100", "name=a")
    with rlexp_child(*words, folder=tmp_path) as child:
        child.until(lambda: len([n for n in checkpoints(folder) if n.startswith("step_")]) >= 2)
        child.until(lambda: any(name.startswith(".writing-") for name in checkpoints(folder)))
        child.kill()
    left = checkpoints(folder)
    assert any(name.startswith(".writing-") for name in left)
    whole = max(int(name[5:]) for name in left if name.startswith("step_"))
    iterations = whole // BATCH + 2
    code, text = command("resume", "runs/a", f"stop.iterations={iterations}")
    assert code == 0 and f"resumed from step_{whole}:" in text
    assert [line["iteration"] for line in records(folder)] == list(range(1, iterations + 1))
    assert not [name for name in checkpoints(folder) if name.startswith(".")], "the half is cleared away"


def test_17_18_a_checkpoint_with_a_part_missing_is_refused(train: Callable[..., Any]) -> None:
    from rlexp.run.evaluate import evaluate
    from rlexp.run.resume import resume

    done = train(*corridor(), "stop.iterations=1", "name=a")
    shutil.rmtree(done.folder / "checkpoints" / f"step_{BATCH}" / "algorithm/learner_group/learner/rl_module")
    for use in (partial(resume, done.folder, ["stop.iterations=2"]), partial(evaluate, done.folder)):
        with pytest.raises(CheckpointError, match=r"damaged: .*rl_module.*missing") as told:
            use()
        assert told.value.exit_code == 2
    assert manifest(done.folder)["status"] == "done" and len(records(done.folder)) == 1


def test_17_18_the_next_best_stands_in_for_a_damaged_best(
    train: Callable[..., Any], command: Command, tmp_path: Path
) -> None:
    import rlexp

    lowest = ("checkpoint.best_by=env_steps", "checkpoint.mode=min")
    made = train(*corridor(), *lowest, "stop.iterations=3", "name=a").folder
    best = made / "checkpoints" / "best"
    assert rlexp.load(made, which="best").step == BATCH
    weights = next(best.rglob("module_state.*"))
    flip(weights, weights.stat().st_size // 2)
    said = rf"step_{BATCH} is damaged: .*{weights.name} was altered"
    with pytest.warns(UserWarning, match=said):
        assert rlexp.load(made, which="best").step == 2 * BATCH
    code, text = command("evaluate", str(best), "evaluation.evaluation_duration=1")
    assert code == 0 and re.search(said, text) and f"step_{2 * BATCH}" in text
    taken = made / "checkpoints" / f"step_{2 * BATCH}"
    assert json.loads((taken / "evaluation.json").read_text())["env_steps"] == 2 * BATCH
    assert not (best / "evaluation.json").exists()
    code, text = command(*corridor(), f"checkpoint.from={best}", "stop.iterations=1", "name=b")
    assert code == 0 and re.search(said, text)
    assert re.search(rf"weights from .*step_{2 * BATCH}\b", text)
    again = command("resume", str(made), "stop.iterations=4")
    assert again[0] == 0 and best.readlink() == Path(f"step_{2 * BATCH}"), "the mark moves with the next save"
    assert f"step_{BATCH} is damaged" in (made / "log.txt").read_text()


def test_38_a_strangers_checkpoint_is_refused_unless_trusted(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlexp.run.resume import resume

    made = train(*corridor(), "stop.iterations=1", "name=a").folder
    monkeypatch.setenv("RLEXP_HOME", str(tmp_path / "another"))
    for use in (
        partial(resume, made, ["stop.iterations=2"]),
        partial(train, *corridor(), f"checkpoint.from={made}", "name=b"),
    ):
        with pytest.raises(CheckpointError, match=r"runs the code stored in it[\s\S]*checkpoint.trust=true"):
            use()
    assert manifest(made)["status"] == "done" and not (tmp_path / "runs" / "b").exists()
    assert resume(made, ["stop.iterations=2", "checkpoint.trust=true"]).status == "done"


def test_39_other_spaces_on_restore_are_refused_with_the_difference(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    from rlexp.run.resume import resume

    wide = ("env=gym", "env.id=breaking.Wide", TRUSTED, *SMALL[1:])
    (tmp_path / "width").write_text("3")
    made = train(*wide, "stop.iterations=1", "name=a").folder
    before = {name: (made / name).read_text() for name in ("config.yaml", "manifest.json", "metrics.jsonl")}
    (tmp_path / "width").write_text("4")
    for use in (
        partial(resume, made, ["stop.iterations=2", TRUSTED]),
        partial(train, *wide, f"checkpoint.from={made}", "name=b"),
    ):
        difference = r"observation space:\n +checkpoint .*\(3,\).*\n +this run +.*\(4,\)"
        with pytest.raises(CheckpointError, match=difference) as told:
            use()
        assert told.value.exit_code == 2
    for name, text in before.items():
        assert (made / name).read_text() == text, "a refused resume changes nothing"
    assert not (tmp_path / "runs" / "b").exists()


NETWORKS = """
from rlexp.models.separate import SeparateActorCritic


class {name}(SeparateActorCritic):
    pass


Network = {name}
"""


@pytest.mark.slow
@pytest.mark.landing
def test_39_another_module_class_on_restore_is_refused(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lab's network becomes another class under the name that its config gives, then loses that name."""
    from rlexp.run.resume import resume

    def written(text: str) -> None:
        (tmp_path / "my_networks.py").write_text(text)
        monkeypatch.delitem(sys.modules, "my_networks", raising=False)
        importlib.invalidate_caches()

    monkeypatch.syspath_prepend(str(tmp_path))
    trusted = "trusted=[rlexp,envs,callbacks,ray.rllib,gymnasium,my_networks]"
    own = [word for word in corridor() if not word.startswith("model")]
    own += ["model=custom", "model.module_class=my_networks.Network", trusted]
    written(NETWORKS.format(name="First"))
    made = train(*own, "stop.iterations=1", "name=a").folder
    again = (
        partial(resume, made, ["stop.iterations=2", trusted]),
        partial(train, *own, f"checkpoint.from={made}", "name=b"),
    )
    written(NETWORKS.format(name="Second"))
    for use in again:
        difference = r"class:\n +checkpoint my_networks.First\n +this run +my_networks.Second"
        with pytest.raises(CheckpointError, match=difference):
            use()
    written(NETWORKS.format(name="Second").replace("Network = ", "Networks = "))
    for use in again:
        with pytest.raises(ConfigError, match=r"my_networks has no Network\n +did you mean: Networks"):
            use()
    assert manifest(made)["status"] == "done" and not (tmp_path / "runs" / "b").exists()
    written(NETWORKS.format(name="First"))
    assert resume(made, ["stop.iterations=2", trusted]).status == "done"
