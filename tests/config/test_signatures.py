"""RLlib's keywords read from its source: equal to those of the imported classes, and read fast."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from rlexp.base.errors import ConfigError
from rlexp.config import schema
from rlexp.config.algorithms.builder_signatures import (
    BASE,
    Keyword,
    keywords,
    known_config_classes,
    model_fields,
)
from rlexp.config.callables.annotations import describe, example, matches
from rlexp.config.keys.accepted_keywords import annotation_of

PPO = "ray.rllib.algorithms.ppo.PPOConfig"
ROOT = Path(__file__).parents[2]


def _groups() -> list[type]:
    return [
        value for value in vars(schema).values() if isinstance(value, type) and hasattr(value, "BUILDERS")
    ]


def check_value(keyword: Keyword, value: Any) -> str | None:
    """What is wrong with the type of a value, in whichever group the keyword stands; None when nothing is."""
    names = [group.__name__.removesuffix("Choice").lower() for group in _groups()]
    annotations = {annotation_of(f"{name}.{keyword.name}", keyword) for name in names}
    wrong = [each for each in annotations if each is not None and not matches(each, value)]
    return f"{value!r} is not {describe(wrong[0])}" if len(wrong) == len(annotations) else None


METHODS = sorted(
    {builder.method for group in _groups() for builder in group.BUILDERS} | {"rl_module", "debugging"}
)


def _imported(cls: type, method: str) -> set[str]:
    """The keywords by Python's own account: signatures along the MRO while `**kwargs` passes them on."""
    names: set[str] = set()
    for base in cls.__mro__:
        if method in vars(base):
            parameters = list(inspect.signature(vars(base)[method]).parameters.values())[1:]
            names |= {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
            if all(p.kind is not p.VAR_KEYWORD for p in parameters):
                break
    return names


def test_static_keywords_equal_the_imported_ones() -> None:
    from ray.rllib.utils.from_config import NotProvided

    from rlexp.config.callables.targets import DEFAULT_TRUSTED, locate

    assert len(known_config_classes()) >= 11
    for path in [*known_config_classes(), "ray.rllib.algorithms.algorithm_config.AlgorithmConfig"]:
        cls = locate(path, DEFAULT_TRUSTED)
        config = cls()
        for method in METHODS:
            found = keywords(path, method)
            assert set(found) == _imported(cls, method), (path, method)
            current = [name for name, keyword in found.items() if not keyword.deprecated]
            # RLlib really takes them all; only this class it looks at even when it is not provided.
            taken = dict.fromkeys(set(current) - {"prelearner_class"}, NotProvided)
            getattr(config, method)(**taken)
            for name in current:
                default = vars(config).get(name)
                if isinstance(default, (int, float, str)):
                    assert check_value(found[name], default) is None, (path, method, name, default)


def test_model_fields_equal_the_imported_ones() -> None:
    import dataclasses

    from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

    defaults = dataclasses.asdict(DefaultModelConfig())
    assert set(model_fields()) == set(defaults)
    for name, keyword in model_fields().items():
        assert check_value(keyword, defaults[name]) is None, name


def test_reads_without_importing_ray_and_fast() -> None:
    script = f"""
        import sys, time
        from rlexp.config.algorithms.builder_signatures import keywords, model_fields
        start = time.process_time()
        assert "clip_param" in keywords({PPO!r}, "training") and "fcnet_hiddens" in model_fields()
        took = time.process_time() - start
        assert not {{"ray", "torch", "gymnasium"}} & set(sys.modules), "imported"
        print(took)
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.4


def test_owner_is_the_class_that_declares_it() -> None:
    found = keywords("ray.rllib.algorithms.appo.APPOConfig", "training")
    assert found["vtrace_clip_rho_threshold"].owner.endswith(".impala.IMPALAConfig")
    assert found["gamma"].owner == BASE
    assert keywords(PPO, "training")["vf_share_layers"].deprecated
    assert not keywords(PPO, "training")["lr"].deprecated


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "own_algorithms"
    package.mkdir()
    (package / "__init__.py").write_text("from .mine import MyConfig as Exported\n")
    (package / "mine.py").write_text(
        textwrap.dedent(
            """
            import ray.rllib.algorithms.ppo as rllib_ppo

            class MyConfig(rllib_ppo.PPOConfig):
                def training(self, *, curiosity: float = 0.0, **kwargs):
                    super().training(**kwargs)
                    return self

            class Closed(rllib_ppo.PPOConfig):
                def training(self, *, only_this: int = 0):
                    return self

            def hidden():
                return rllib_ppo.PPOConfig

            class Dynamic(hidden()):
                def training(self, *, drive: int = 0, **kwargs):
                    super().training(**kwargs)
                    return self

            class NoConfig:
                pass
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return package


def test_a_class_of_ones_own(own_package: Path) -> None:
    trusted = ("own_algorithms", "ray.rllib")
    for path in ("own_algorithms.mine.MyConfig", "own_algorithms.Exported", "own_algorithms.mine:MyConfig"):
        found = keywords(path, "training", trusted)
        assert found["curiosity"].owner == "own_algorithms.mine.MyConfig"
        assert found["clip_param"].owner == "ray.rllib.algorithms.ppo.ppo.PPOConfig"
        assert set(keywords(path, "learners", trusted)) == set(keywords(PPO, "learners"))
    assert set(keywords("own_algorithms.mine.Closed", "training", trusted)) == {"only_this"}


def test_a_class_that_the_source_hides_is_imported(own_package: Path) -> None:
    found = keywords("own_algorithms.mine.Dynamic", "training", ("own_algorithms", "ray.rllib"))
    assert set(found) == {"drive", *keywords(PPO, "training")}
    assert check_value(found["drive"], "x") and check_value(found["gamma"], "x")
    assert {name for name, k in found.items() if k.deprecated} == {
        name for name, k in keywords(PPO, "training").items() if k.deprecated
    }
    with pytest.raises(ConfigError, match="not among the trusted modules"):
        keywords("own_algorithms.mine.Dynamic", "training")


@pytest.mark.parametrize(
    "path",
    [
        "ray.rllib.algorithms.ppo.PPO",
        "ray.rllib.algorithms.pop.PPOConfig",
        "PPO",
        "PPOConfig",
        "ray.rlib.PPOConfig",
    ],
)
def test_no_config_class_suggests_one(path: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        keywords(path, "training")
    assert PPO in refusal.value.suggestions
    assert refusal.value.key == "algorithm.config_class"


def test_a_class_that_is_no_config(own_package: Path) -> None:
    with pytest.raises(ConfigError, match="NoConfig is not a config class"):
        keywords("own_algorithms.mine.NoConfig", "training", ("own_algorithms",))


SCHEDULE = [[0, 1e-3], [1000, 1e-4]]


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("Optional[int]", [1, 0, -3, None], [1.5, "1", True, [1]]),
        ("int", [1], [None, 1.0, False]),
        ("Optional[float]", [1, 0.5, None], ["0.5", True, [0.5]]),
        ("bool", [True, False], [1, 0, "true", None]),
        ("Optional[str]", ["x", None], [1, True, ["x"]]),
        ("Optional[Union[float, int]]", [1, 0.5, None], ["1", False]),
        ("Union[int, str]", [1, "auto"], [0.5, None]),
        ("List[int]", [[], [1, 2]], [1, [1.5], ["a"], None, [True]]),
        ("List[List[Union[int, float]]]", [[[0, 1.0]]], [[0, 1.0], [["a", 1]]]),
        ("Dict[str, float]", [{}, {"a": 1}], [{"a": "x"}, [], "a"]),
        ("Optional[dict]", [{}, None, {"a": 1}], [[], 1]),
        ("Optional[Dict]", [{"a": 1}], ["x"]),
        ("Literal['a', 'b']", ["a", "b"], ["c", None, 1]),
        ("Tuple[int, int]", [[1, 2]], [[1], [1, 2, 3], [1, "x"]]),
        ("Tuple[int, ...]", [[], [1, 2, 3]], [["x"]]),
        (
            "Optional[LearningRateOrSchedule]",
            [0.1, 1, None, SCHEDULE],
            ["x", [], [[5, 1]], [[1, 1], [2, 2]], True],
        ),
        ("int | None", [1, None], ["x", 0.5]),
        ("dict[str, float | str]", [{"a": 1, "b": "<=1"}], [{"a": []}, {1: 1}]),
        ("Optional[gym.Space]", ["anything", 3], []),
        ("typing.Optional[int]", [1, None], ["x"]),
        ("<class 'x'>", [1, "x"], []),
        ("Dict[str, Any]", [{"a": None}], [{1: None}]),
    ],
)
def test_values_against_annotations(annotation: str, good: list[Any], bad: list[Any]) -> None:
    keyword = Keyword("a_key", annotation, "AnyConfig")
    assert [v for v in good if check_value(keyword, v)] == []
    assert [v for v in bad if not check_value(keyword, v)] == []


def test_no_annotation_is_no_judgement() -> None:
    assert check_value(Keyword("a_key", None, "AnyConfig"), object()) is None


def test_every_described_type_has_an_example_that_fits() -> None:
    import yaml

    for annotation in ("int", "float", "bool", "str", "dict", "List[int]", "List[List[int]]", "Literal['a']"):
        assert matches(annotation, yaml.safe_load(example(annotation))), annotation
        assert describe(annotation) != annotation
    for keyword in [*keywords(PPO, "training").values(), *model_fields().values()]:
        if keyword.annotation and check_value(keyword, yaml.safe_load(example(keyword.annotation))):
            pytest.fail(f"{keyword}: its example does not fit")
