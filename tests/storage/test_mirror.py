"""Two machines and a store: whoever fetched last may push, and both have what was pushed whole."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from rlexp.base.files import lock
from rlexp.base.files.atomic import point
from rlexp.storage.buckets.bucket import Bucket
from rlexp.storage.buckets.local_folder import LocalFolder
from rlexp.storage.buckets.mirror import STATE, Mirror, TakenError
from rlexp.storage.buckets.sync import StoreSync
from rlexp.storage.runs.run_folder import RunFolder

NAMES = st.sampled_from(
    ["metrics.jsonl", "manifest.json", "checkpoints/step_1/seal.json", "checkpoints/step_1/a"]
)
MACHINES = st.sampled_from([0, 1])


def content(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in found if not path.name.startswith(".")}
    return {name: path.read_text() for name, path in names.items() if name != STATE}


class TwoMachines(RuleBasedStateMachine):
    """A run that moves between two machines, with a model of what the store should have."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        store = Bucket(f"memory://{self.root.name}/run")
        self.mirrors = [Mirror(self.root / name, store) for name in ("one", "two")]
        for mirror in self.mirrors:
            mirror.folder.mkdir()
        self.pushed: dict[str, str] = {}
        self.pushes, self.last = 0, [0, 0]
        self.written = 0
        self.settled: list[dict[str, str]] = [{}, {}]

    @rule(machine=MACHINES, name=NAMES)
    def write(self, machine: int, name: str) -> None:
        path = self.mirrors[machine].folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self.written += 1
        path.write_text("x" * self.written)

    @rule(machine=MACHINES, name=NAMES)
    def delete(self, machine: int, name: str) -> None:
        (self.mirrors[machine].folder / name).unlink(missing_ok=True)

    @rule(machine=MACHINES)
    def push(self, machine: int) -> None:
        here = content(self.mirrors[machine].folder)
        if self.last[machine] == self.pushes:
            before = self.mirrors[machine].store.read(STATE)
            self.mirrors[machine].push()
            self.pushes += self.mirrors[machine].store.read(STATE) != before
            self.pushed, self.last[machine], self.settled[machine] = here, self.pushes, here
            assert set(self.mirrors[machine].store.sizes()) - {STATE} == set(here)
        elif here != self.settled[machine]:
            with pytest.raises(TakenError):
                self.mirrors[machine].push()

    @precondition(lambda self: self.pushes > 0)
    @rule(machine=MACHINES)
    def fetch(self, machine: int) -> None:
        ahead = self.last[machine] == self.pushes
        before = content(self.mirrors[machine].folder)
        self.mirrors[machine].fetch()
        assert content(self.mirrors[machine].folder) == (before if ahead else self.pushed)
        self.last[machine] = self.pushes
        if not ahead:
            self.settled[machine] = self.pushed

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "root", "nothing"), ignore_errors=True)


TestTwoMachines = TwoMachines.TestCase
TestTwoMachines.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@pytest.fixture
def pair(bucket: str, tmp_path: Path) -> Iterator[tuple[Mirror, Mirror]]:
    """The same run on two machines, by a real S3."""
    store = Bucket(f"{bucket}/runs/a b,lr=1e-3")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "metrics.jsonl").write_text("{}\n")
    yield Mirror(tmp_path / "one", store), Mirror(tmp_path / "two", store)


def test_links_hidden_files_and_folders(pair: tuple[Mirror, Mirror]) -> None:
    one, two = pair
    (one.folder / "checkpoints" / "step_7").mkdir(parents=True)
    (one.folder / "checkpoints" / "step_7" / "weights").write_bytes(b"")
    (one.folder / "checkpoints" / ".writing-step_8-1").mkdir()
    (one.folder / "checkpoints" / ".writing-step_8-1" / "weights").write_bytes(b"half")
    point(one.folder / "checkpoints" / "latest", "step_7")
    one.push()
    two.fetch()
    assert content(two.folder) == {
        "metrics.jsonl": "{}\n",
        "checkpoints/latest": "step_7\n",
        "checkpoints/step_7/weights": "",
    }


def test_what_the_store_lost_is_brought_again(pair: tuple[Mirror, Mirror]) -> None:
    one, two = pair
    one.push()
    one.store.delete_all()
    (one.folder / "summary.json").write_text("{}")
    one.push()
    two.fetch()
    assert set(content(two.folder)) == {"metrics.jsonl", "summary.json"}


def test_what_is_left_of_a_run_that_the_store_no_longer_has_goes(pair: tuple[Mirror, Mirror]) -> None:
    one, _ = pair
    one.push()
    one.store.delete_all()
    one.fetch()
    assert content(one.folder) == {} and not (one.folder / STATE).exists()


def test_cut_short_between_the_store_and_here(
    pair: tuple[Mirror, Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the store had the new state and this machine had not noted it: it is its own still."""
    one, _ = pair
    one.push()
    (one.folder / "metrics.jsonl").write_text("{}\n{}\n")
    know = LocalFolder.write_known
    calls: list[object] = []

    def killed(self: LocalFolder, **known: object) -> None:
        calls.append(known)
        if len(calls) == 2:
            raise KeyboardInterrupt
        know(self, **known)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(LocalFolder, "write_known", killed)
        one.push()
    (one.folder / "metrics.jsonl").write_text("{}\n{}\n{}\n")
    one.fetch()
    assert content(one.folder) == {"metrics.jsonl": "{}\n{}\n{}\n"}


def test_names_that_lead_out_of_the_folder_are_not_brought(pair: tuple[Mirror, Mirror]) -> None:
    one, two = pair
    one.push()
    one.store.write("checkpoints/../../../out", b"harm")
    one.store.write("../out", b"harm")
    two.fetch()
    assert set(content(two.folder)) == {"metrics.jsonl"}
    assert not (two.folder.parent / "out").exists() and not (two.folder / "out").exists()


def test_a_keeper_holds_nothing_up_and_brings_it_later(pair: tuple[Mirror, Mirror], tmp_path: Path) -> None:
    one, two = pair
    told: list[str] = []
    warned = threading.Event()

    def warn(text: str) -> None:
        told.append(text)
        warned.set()

    away = Mirror(one.folder, Bucket(f"{one.store.uri.rpartition('/runs')[0]}-none/run"))
    lost = StoreSync(away, warn, every_s=0.05)
    assert warned.wait(60) and "cannot be brought up to date" in told[0]
    with pytest.raises(OSError):
        lost.close()
    keeper = StoreSync(one, warn)
    keeper.soon()
    keeper.close()
    two.fetch()
    assert content(two.folder) == content(one.folder) and len(told) == 1
    (one.folder / "metrics.jsonl").write_text("later\n")
    keeper.stop()
    two.fetch()
    assert content(two.folder) != content(one.folder), "stopped, it brings nothing more"


def test_a_keeper_that_lost_the_run_says_so(pair: tuple[Mirror, Mirror]) -> None:
    one, two = pair
    one.push()
    two.fetch()
    (two.folder / "metrics.jsonl").write_text("another's\n")
    two.push()
    (one.folder / "metrics.jsonl").write_text("one's\n")
    keeper = StoreSync(one, pytest.fail, every_s=0.01)
    with pytest.raises(TakenError, match="another process has gone on"):
        keeper.close()
        keeper.check()
    assert content(one.folder) == {"metrics.jsonl": "one's\n"}, "what it made is kept"


def test_two_of_one_machine_that_fetch_at_once_both_have_all(pair: tuple[Mirror, Mirror]) -> None:
    one, two = pair
    for number in range(1, 10):
        (one.folder / f"file-{number}").write_text("x" * number)
    one.push()
    with ThreadPoolExecutor(2) as pool:
        for _ in range(15):
            shutil.rmtree(two.folder, ignore_errors=True)
            barrier = threading.Barrier(2)

            def fetched(barrier: threading.Barrier = barrier) -> dict[str, str]:
                mirror = Mirror(two.folder, two.store)
                barrier.wait()
                mirror.fetch()
                return content(two.folder)

            for found in [pool.submit(fetched) for _ in range(2)]:
                assert found.result() == content(one.folder)


def test_who_waits_for_a_run_takes_nothing_from_who_still_has_it(bucket: str) -> None:
    run = RunFolder.create(f"{bucket}/runs", "a")
    (run.path / "config.yaml").write_text("a: 1\n")
    ended = threading.Event()

    def train() -> int:
        try:
            for number in range(40):
                (run.path / "metrics.jsonl").write_text("{}\n" * number)
                run.push()
            return number
        finally:
            run.release()
            ended.set()

    with ThreadPoolExecutor(2) as pool:
        training = pool.submit(train)
        reading = pool.submit(lambda: [Mirror.of(run.path).fetch() for _ in range(40)])  # type: ignore[union-attr]
        refused = 0
        while not ended.is_set():
            try:
                RunFolder.open(run.path).release()
            except lock.InUseError:
                refused += 1
        assert training.result() == 39 and refused
        reading.result()
    with RunFolder.open(run.path) as again:
        assert (again.path / "metrics.jsonl").read_text() == "{}\n" * 39
