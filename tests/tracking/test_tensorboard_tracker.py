"""Event files that TensorBoard's own reader reads; a resume voids the steps after its checkpoint."""

from __future__ import annotations

from pathlib import Path

from rlexp.base.events import RunInfo
from rlexp.tracking.tensorboard import TensorBoardTracker


def segment(folder: Path, steps: range, resumed_at: int = 0) -> None:
    config = {
        "algorithm": {"lr": 0.1, "token": "s3cr3t"},
        "seed": 3,
        "password": "s3cr3t",
        "env": {"id": "A-v1"},
    }
    tracker = TensorBoardTracker(flush_s=1)
    tracker.on_run_start(RunInfo(folder, "a", "a", config, resumed_at=resumed_at))
    for step in steps:
        tracker.on_record(
            {
                "env_steps": step,
                "iteration": 1,
                "timestamp": 1.0,
                "train/return_mean": float(step + resumed_at),
            }
        )
    tracker.on_run_end("done", {})


def test_scalars_over_env_steps_and_a_resume(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    segment(tmp_path, range(10, 60, 10))
    segment(tmp_path, range(40, 80, 10), resumed_at=30)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    scalars = events.Scalars("train/return_mean")
    assert [event.step for event in scalars] == list(range(10, 80, 10))
    assert [event.value for event in scalars] == [10, 20, 30, 70, 80, 90, 100]
    assert set(events.Tags()["scalars"]) == {"train/return_mean", "iteration"}
    (text,) = events.Tensors("config/text_summary")
    assert b"lr: 0.1" in text.tensor_proto.string_val[0]
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in (tmp_path / "tensorboard").iterdir())


def test_the_configs_values_are_hyperparameters_of_the_run_itself(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    segment(tmp_path, range(10, 60, 10))
    assert [path.is_file() for path in (tmp_path / "tensorboard").iterdir()] == [True], (
        "no second run beside it"
    )
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    data = events.PluginTagToContent("hparams")
    start = HParamsPluginData.FromString(data["_hparams_/session_start_info"]).session_start_info
    assert (
        start.hparams["algorithm.lr"].number_value == 0.1 and start.hparams["env.id"].string_value == "A-v1"
    )
    assert start.hparams["seed"].number_value == 3 and "password" not in start.hparams
    experiment = HParamsPluginData.FromString(data["_hparams_/experiment"]).experiment
    assert {info.name.tag for info in experiment.metric_infos} == {"train/return_mean", "eval/return_mean"}
    assert "_hparams_/session_end_info" in data
