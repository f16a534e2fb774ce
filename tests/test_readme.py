"""The README's example does what it says."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_example(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(code, {})
    assert "whole=0.0" in capsys.readouterr().out
