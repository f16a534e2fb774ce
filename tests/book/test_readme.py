"""The README's examples do what it says."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_examples(capsys, tmp_path, monkeypatch):
    train, keep = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(train, names)
    assert "whole=0.0" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    exec(keep, names)
    assert {path.name for path in tmp_path.iterdir()} == {"parity.safetensors", "parity.onnx"}
    assert "lstm.weight_ih_l0" in names["state_dict"]
    assert [len(arrays) for arrays in names["weights"]] == [3, 2]
