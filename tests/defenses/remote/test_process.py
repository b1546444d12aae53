"""The process of a server."""

from pathlib import Path

import pytest
from mia_bench.defenses._remote.process import ServerError, ServerProcess


def test_a_server_imports_no_modules_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("random", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w')")
    monkeypatch.chdir(tmp_path)
    server = ServerProcess("mia_bench.defenses._sharing.server")

    with pytest.raises(ServerError, match="refuses the message"):
        server.ask({"do": "evaluate", "shape": [1]}, {"share": b""})

    assert not (tmp_path / "executed").exists()
    server.close()
