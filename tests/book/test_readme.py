"""The README's examples do what it says."""

import re
from pathlib import Path

import yaml

README = Path(__file__).parents[2] / "README.md"


def test_the_table_has_every_part_and_chapter():
    """The parts in their order, and as many chapters of each as the book has; the preface is the book's root."""
    toc = yaml.safe_load((README.parent / "_toc.yml").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| (\w+) \| (.*) \|$", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    expected = {part["caption"]: len(part["chapters"]) for part in toc["parts"]}
    expected["Start"] += 1
    assert {part: len(names.split(" · ")) for part, names in rows} == expected


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
