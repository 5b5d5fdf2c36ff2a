import json
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from make import write_pairs
from seepseg.errors import SeepsegError
from seepseg.workers import WAITING, Crew, in_order
from worker_tasks import LONG, end_oneself, late_first, refuse, sleep_long, touch


def until(true, message: str) -> None:
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end, message
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids_in(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("pid")) for path in folder.glob("pid*")]


def test_results_come_in_order_from_other_processes():
    results = list(in_order(late_first, range(20), 2))
    assert [task for task, _ in results] == list(range(20))
    assert os.getpid() not in {pid for _, pid in results}


@pytest.mark.parametrize(("count", "workers"), [(3, 1), (1, 8), (0, 8)])
def test_one_worker_or_one_task_stays_in_this_process(count, workers):
    assert list(in_order(late_first, range(count), workers)) == [(task, os.getpid()) for task in range(count)]


def test_no_more_tasks_are_begun_than_the_window_holds(tmp_path):
    with closing(in_order(partial(touch, folder=tmp_path), range(100), 2)) as results:
        next(results)
        until(lambda: len(list(tmp_path.iterdir())) == 2 * WAITING + 1, "the window did not fill")
        time.sleep(0.3)
        assert len(list(tmp_path.iterdir())) == 2 * WAITING + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_raises_reaches_the_caller(workers):
    with pytest.raises(ValueError, match="task 3"):
        list(in_order(refuse, range(50), workers))


def test_a_killed_worker_is_told_in_a_sentence():
    with pytest.raises(SeepsegError, match="try --workers 1"):
        list(in_order(end_oneself, range(50), 2))


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import math\nfrom seepseg.workers import in_order\nprint(list(in_order(math.sqrt, [4.0, 9.0], 2)))\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].endswith("put its calls under if __name__ == '__main__':")
    assert "bootstrapping" not in ended.stderr
    lines = script.read_text().splitlines()
    script.write_text("\n".join([*lines[:2], "if __name__ == '__main__':", f"    {lines[2]}"]))
    assert subprocess.check_output([sys.executable, script], text=True) == "[2.0, 3.0]\n"


def test_leaving_early_ends_the_workers_at_once(tmp_path):
    began = time.monotonic()
    with closing(in_order(partial(sleep_long, folder=tmp_path), range(50), 2)) as results:
        next(results)
    assert time.monotonic() - began < LONG / 2
    assert not any(map(is_running, pids_in(tmp_path)))


def test_a_crew_starts_before_its_work_is_known():
    with closing(Crew(2)) as crew:
        crew.start()
        pids = set(workers_of(os.getpid()))
        assert len(pids) == 2
        results = list(in_order(late_first, range(20), crew))
    assert [task for task, _ in results] == list(range(20))
    assert {pid for _, pid in results} <= pids
    assert not any(map(is_running, pids))


def test_a_crew_without_work_ends_at_once():
    began = time.monotonic()
    with closing(Crew(2)) as crew:
        crew.start()
        pids = workers_of(os.getpid())
    assert time.monotonic() - began < LONG / 2
    assert len(pids) == 2
    assert not any(map(is_running, pids))


def test_a_crew_of_one_is_this_process():
    with closing(Crew(1)) as crew:
        crew.start()
        assert list(in_order(late_first, range(3), crew)) == [(task, os.getpid()) for task in range(3)]


def test_ctrl_c_is_heard_as_before_once_the_results_are_in():
    list(in_order(refuse, range(2), 2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_workers_end_when_their_parent_is_killed(tmp_path):
    code = (
        "import sys; from functools import partial; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from seepseg.workers import in_order; import worker_tasks as t\n"
        "list(in_order(partial(t.sleep_long, folder=Path(sys.argv[2])), range(50), 2))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]) as parent:
        until(lambda: len(pids_in(tmp_path)) == 2, "the workers did not start")
        parent.kill()
    until(lambda: not any(map(is_running, pids_in(tmp_path))), "the workers went on")


CONVERT = ("convert", "masks", "in/images", "in/masks", "out", "--names", "a,b", "--workers", "2")
COCO = ("convert", "coco", "all.json", "out", "--images", "in/images", "--workers", "2")
CHECK = ("check", "ds", "--workers", "2")
SIMULATE = ("simulate", "tiles", "out", "--count", "4000", "--workers", "2")
"""Each is at work for much longer than the moments below, and leaves `out` if it is not stopped."""


def write_polygons(path: Path, images: list[Path]) -> None:
    """So many that the workers start while they are read."""
    turn = [number / 50 for number in range(314)]
    ring = [round(32 + 20 * value, 3) for angle in turn for value in (math.cos(angle), math.sin(angle))]
    listed = [{"id": number, "file_name": image.name} for number, image in enumerate(images)]
    annotations = [
        {"id": number, "image_id": number, "category_id": 1, "segmentation": [ring]} for number in range(len(images))
    ]
    document = {"images": listed, "annotations": annotations, "categories": [{"id": 1, "name": "oil"}]}
    path.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    write_pairs(folder / "in", 3000)
    write_pairs(folder / "few", 800)
    write_polygons(folder / "all.json", sorted((folder / "in/images").iterdir()))
    call = ["convert", "masks", "few/images", "few/masks", "ds", "--names", "a,b", "--split", "1"]
    subprocess.run([sys.executable, "-m", "seepseg", *call], cwd=folder, check=True, capture_output=True)
    return folder


def test_a_lost_worker_is_told_while_tasks_larger_than_a_pipe_wait():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from seepseg.errors import SeepsegError; from seepseg.workers import in_order; import worker_tasks as t\n"
        "try: list(in_order(t.end_at_once, [bytes(1_000_000)] * 20, 2))\n"
        "except SeepsegError as error: print(error)"
    )
    call = [sys.executable, "-c", code, str(Path(__file__).parent)]
    told = subprocess.run(call, capture_output=True, text=True, timeout=LONG, check=True).stdout
    assert "try --workers 1" in told


@contextmanager
def started(command, folder: Path):
    call = [sys.executable, "-m", "seepseg", *command]
    with subprocess.Popen(
        call, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)


def workers_of(pid: int) -> list[int]:
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children():
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child.pid)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.3, 1.0], ids=["starting", "importing", "working"])
@pytest.mark.parametrize("command", [CONVERT, COCO, CHECK, SIMULATE], ids=["convert", "coco", "check", "simulate"])
def test_ctrl_c_ends_quietly_and_leaves_nothing(work, command, delay):
    with started(command, work) as running:
        until(lambda: workers_of(running.pid), "no worker was started")
        time.sleep(delay)
        os.killpg(running.pid, signal.SIGINT)
        _, told = running.communicate(timeout=LONG)
    assert running.returncode == 130
    assert told.splitlines()[-1] == "seepseg: stopped"
    assert "Traceback" not in told
    assert sorted(path.name for path in work.iterdir()) == ["all.json", "ds", "few", "in"]


@pytest.mark.slow
@pytest.mark.parametrize("command", [CONVERT, COCO, CHECK, SIMULATE], ids=["convert", "coco", "check", "simulate"])
def test_a_worker_killed_from_outside_is_told_in_a_sentence(work, command):
    with started(command, work) as running:
        until(lambda: len(workers_of(running.pid)) == 2, "the workers did not start")
        os.kill(workers_of(running.pid)[-1], signal.SIGKILL)
        _, told = running.communicate(timeout=LONG)
    assert running.returncode == 2
    assert "try --workers 1" in told.splitlines()[-1]
    assert "Traceback" not in told
    assert sorted(path.name for path in work.iterdir()) == ["all.json", "ds", "few", "in"]
