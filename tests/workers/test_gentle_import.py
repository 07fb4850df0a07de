"""The libraries of torch are there before its extension module asks for them, and nothing is left switched off."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from cnnviz.workers.gentle_import import gentle_import

SCRIPT = """
import sys, threading
from cnnviz.workers import gentle_import as module

loaded = []
original = module._load_without_lock
module._load_without_lock = lambda file: loaded.append((file.name, original(file), "torch._C" in sys.modules))
done = threading.Event()

def work():
    with module.gentle_import():
        import torch
    done.set()

thread = threading.Thread(target=work)
thread.start()
thread.join()
import torch
assert done.is_set() and torch.ones(2).sum() == 2
assert loaded == [(loaded[0][0], True, False)], loaded
assert loaded[0][0].startswith("libtorch.")
assert not [finder for finder in sys.meta_path if type(finder).__name__ == "_Preloader"]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no dlopen")
def test_torchs_libraries_are_loaded_before_its_extension_and_torch_works() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # nor does any library complain at the end


def test_the_collector_works_again_also_after_an_import_that_failed() -> None:
    finders = list(sys.meta_path)

    def fail() -> None:
        with gentle_import():
            assert not gc.isenabled()
            import nothing_of_this_name  # noqa: F401

    with pytest.raises(ImportError, match="nothing_of_this_name"):
        fail()
    assert gc.isenabled()
    assert sys.meta_path == finders


def test_what_waits_for_the_collector_is_not_set_aside_where_nothing_was_imported() -> None:
    with gentle_import():
        pass
    before = gc.get_freeze_count()
    with gentle_import():
        import json  # noqa: F401  # is there already
    assert gc.get_freeze_count() == before
