"""`rlexp --help` is one page, and `rlexp help NAME` tells the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlexp.base.errors import ConfigError
from rlexp.cli import config_catalogue, listing
from rlexp.cli.help import USAGE, page, run
from rlexp.cli.main import VERBS, main
from rlexp.config.labs.search_path import shipped_conf


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(words) == 0
    return capsys.readouterr().out


def test_the_page_fits_a_screen_and_names_every_command_and_group(capsys: pytest.CaptureFixture[str]) -> None:
    text = page()
    lines = text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert set(USAGE) == {*VERBS, "-m"}
    assert all(f"rlexp {verb}" in text for verb in USAGE.keys() - {"train"})
    words = text.split()
    assert {folder.name for folder in shipped_conf().iterdir() if folder.is_dir()} <= set(words)
    assert {"stop", "checkpoint", "seed"} <= set(words)
    assert main(["--help"]) == 0 and capsys.readouterr().out == text == told(capsys)


def test_all_has_a_line_for_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "all")
    lines = [line.strip() for line in text.splitlines()]
    for key in config_catalogue.keys(shipped_conf() / "config.yaml", ""):
        assert any(line.startswith((f"{key.path}=", f"{key.path} ")) or line == key.path for line in lines), (
            key.path
        )
    assert "stop.env_steps=100000" in text and "environment steps, over all environments" in text
    assert max(map(len, lines)) <= listing.WIDTH


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "algorithm.lr",
            ["(algorithm=ppo)", "takes a number or a schedule [[env_step, value], ...]", "at least 0"],
        ),
        ("stop", ["stop.env_steps=100000", "stop.plateau="]),
        ("fast", ["takes auto, always, never"]),
        ("model", ["auto (default)", "model.fcnet_hiddens=null"]),
        ("algorithm=dqn", ["Deep Q-network", "algorithm.replay_buffer_config.capacity=50000"]),
        ("hardware=laptop", ["hardware.num_env_runners=2", "hardware.env_vars={}   "]),
        ("sweep=asha", ["sweep.trials=20", "sweep.scheduler.name=asha", "sweep.dir=sweeps"]),
        ("data.map_batches_kwargs", ["a keyword of RLlib's", "takes a mapping"]),
        ("num_workers", ["num_workers is hardware.num_env_runners here"]),
        ("use_attention", ["rlexp has no attention network yet", "write: model=lstm"]),
        ("resume", ["Continues the run in the folder PATH"]),
        ("help", ["rlexp evaluate PATH"]),
        ("report", ["--metric"]),
    ],
)
def test_help_on_a_name(capsys: pytest.CaptureFixture[str], name: str, says: list[str]) -> None:
    try:
        text = told(capsys, name)
    except SystemExit:  # argparse's way to end after its help
        text = capsys.readouterr().out
    assert [words for words in says if words not in text] == []
    assert "takes Stop" not in text


def test_a_name_that_nothing_has(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no key, group or command 'algoritm'") as refused:
        run(["algoritm"])
    assert refused.value.fix == "rlexp help algorithm"
