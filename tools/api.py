"""The API reference: made from docstrings and signatures while Sphinx builds the book.

A page of the reference is a file with an introduction and the line `<!-- api: lstm_core -->`; in its place Sphinx is
handed all that is public in that package. Public is what has no underscore: modules, the functions and classes that
they define, and a class's methods. Of `lstm_proofs.ledger`, whose modules are the parts of one program, it is what the
package itself offers.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

PLACE = re.compile(r"<!-- api: (\w+) -->")
PACKAGES = "lstm_core", "lstm_formats", "lstm_proofs"
PARTS = ("lstm_proofs.ledger.",)  # modules that are parts of the package above them
FIELD = re.compile(r"([A-Za-z]\w*(?:, [A-Za-z]\w*)*):\s+(.*)")  # a line of a docstring: `x:  (T, D, B)`


# ---- what is public ----------------------------------------------------------------------------------------------


class Member(NamedTuple):
    """Something public: the module that offers it, its name there ("Model.predict" of a method), and itself."""

    module: str
    name: str
    value: object

    @property
    def text(self):
        """Its docstring; not the one that Python writes for a class without."""
        text = inspect.cleandoc(self.value.__doc__ or "")
        return "" if text.startswith(f"{self.name}(") else text


def modules(package):
    """The modules of a package, in alphabetical order."""
    found = importlib.import_module(package)
    names = [info.name for info in pkgutil.walk_packages(found.__path__, f"{package}.") if "._" not in info.name]
    return [importlib.import_module(name) for name in sorted(names) if not name.startswith(PARTS)]


def members(module):
    """The public functions and classes of a module, in the order of its source, and after each class its methods."""
    found, within = [], f"{module.__name__}."
    for name, value in vars(module).items():
        home = getattr(value, "__module__", "")
        mine = home.startswith(within) if within in PARTS else home == module.__name__
        if mine and not name.startswith("_") and (is_function(value) or inspect.isclass(value)):
            found.append(Member(module.__name__, name, value))
            for key, method in vars(value).items() if inspect.isclass(value) else ():
                own = getattr(method, "__name__", key) == key  # `clear = _refuse` is no method to be called
                if not key.startswith("_") and own and (is_function(method) or isinstance(method, property)):
                    found.append(Member(module.__name__, f"{name}.{key}", method))
    return [member for member in found if member.name not in arithmetic()]


def is_function(value):
    """Whether it is a function of Python, one that remembers what it gave included."""
    return callable(value) and inspect.isfunction(inspect.unwrap(value))


def arithmetic():
    """The names of the cells' steps and backs, of what a step keeps, and of what both have in common.

    They are equations: the book prints them. What each is given and returns says `cells.Stage`, for all of them.
    """
    from lstm_core.variants import CELLS

    functions = [f for cell in CELLS.values() for stage in cell.stages for f in (stage.step, stage.back)]
    kept = {name for f in functions for name in f.__code__.co_names if name.endswith(("Kept", "_factor"))}
    return kept | {f.__name__ for f in functions}


# ---- a page ------------------------------------------------------------------------------------------------------


def page(package):
    """The text of a package's reference, in Markdown: the modules with a line each, then one after the other."""
    found = modules(package)
    contents = [f"- [`{m.__name__}`](#{_label(m.__name__)}): {_escaped(_brief(m.__doc__, m.__name__))}" for m in found]
    return "\n".join([*contents, "", *(_module(module) for module in found)])


def _module(module):
    """One module: what it is for, a table of what it offers, and each of that."""
    name, offers = module.__name__, members(module)
    file = Path(module.__file__)
    file = "/".join(file.parts[file.parts.index(name.partition(".")[0]) :])
    rows = [
        f"[`{member.name}`](#{member.module}.{member.name})\n: {_escaped(_brief(member.text))}\n"
        for member in offers
        if "." not in member.name
    ]
    parts = [
        f"({_label(name)})=\n## {name.partition('.')[2]}\n",
        markdown(module.__doc__),
        f"\nSource: `{file}`\n",
        *rows,
    ]
    if name in ("lstm_core.cells", "lstm_core.modern", "lstm_core.variants"):
        parts.append(_cells(name))
    if name == "lstm_core.types":
        parts.append(_types(module))
    return "\n".join([*parts, *(_entry(m, offers) for m in offers if "." not in m.name)]) + "\n"


def _entry(member, others=()):
    """A function, class, method or property as Sphinx's Python domain has them; a class with its methods inside."""
    kind = "class" if inspect.isclass(member.value) else "method" if "." in member.name else "function"
    kind = "property" if isinstance(member.value, property) else kind
    name = member.name.rpartition(".")[2]
    inner = [_entry(other) for other in others if other.name.startswith(f"{member.name}.")]
    fence = "::::" if kind == "class" else ":::"
    options = [f":module: {member.module}"]
    if kind == "property":
        options.append(f":type: {_returns(_tree(member.value.fget))}")
    return "\n".join([
        f"{fence}{{py:{kind}}} {name}{signature(member.value)}", *options, "", markdown(member.text), "", *inner,
        f"{fence}\n",
    ])  # fmt: skip


def signature(value):
    """The arguments of a function or class as its source has them, "(x: Array) -> float"."""
    if isinstance(value, property) or (inspect.isclass(value) and issubclass(value, BaseException)):
        return ""
    node = _tree(value)
    if isinstance(node, ast.ClassDef):
        fields = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign)]
        maker = next((line for line in node.body if getattr(line, "name", "") == "__init__"), None)
        if maker is None:
            return "(" + re.sub(r" = field\([^)]*\)", " = ...", ", ".join(fields)) + ")"
        node = maker
    arguments = re.sub(r"^self(, |$)", "", ast.unparse(node.args))
    returns = _returns(node) if node.name != "__init__" else ""
    return f"({arguments}){returns and f' -> {returns}'}"


def _returns(function):
    """The hint of what a function returns; "" if there is none. (A class that is not made yet stands in quotes.)"""
    return ast.unparse(function.returns).strip("'") if function.returns else ""


def _tree(value):
    return ast.parse(textwrap.dedent(inspect.getsource(value))).body[0]


def _cells(module):
    """The cells of a module: what each is made of."""
    from lstm_core.variants import CELLS

    found = []
    for name, cell in vars(sys.modules[module]).items():
        if cell in CELLS.values() and cell.stages[0].step.__module__ == module:
            gates = ", ".join(dict.fromkeys(gate for stage in cell.stages for gate in stage.gates))
            functions = " · ".join(f"`{f.__name__}`" for stage in cell.stages for f in (stage.step, stage.back))
            own = f"; {cell.own_name} of {', '.join(cell.own)}" if cell.own else ""
            found.append(f"`{name}`\n: gates {gates}; state {', '.join(cell.states)}{own}. {functions}\n")
    return "\n".join(found)


def _types(module):
    """The names of types: what each stands for, and the comment behind it."""
    source = inspect.getsource(module)
    found = re.findall(r"^(\w+): TypeAlias = (.*?)  # (.*)$", source, flags=re.MULTILINE)
    entry = ":::{{py:data}} {}\n:module: {}\n:value: {}\n\n{}\n:::\n"
    return "\n".join(entry.format(name, module.__name__, value, _escaped(says)) for name, value, says in found)


def _label(name):
    return f"api-{name}"


# ---- docstrings --------------------------------------------------------------------------------------------------


def markdown(text):
    """A docstring in Markdown: its paragraphs, its fields (`x:  (T, D, B)`) as a list, its examples as code."""
    lines, out = inspect.cleandoc(text).split("\n"), []
    while lines:
        if not lines[0].strip():
            lines.pop(0)
        elif lines[0].startswith(">>> "):
            example = re.sub(r" *# doctest: .*", "", "\n".join(_taken(lines, bool)))
            out.append(f"```pycon\n{example}\n```")
        elif lines[0].startswith("    "):
            block = _taken(lines, lambda line: line.startswith("    ") or not line)
            out.append("```text\n" + textwrap.dedent("\n".join(block)).strip("\n") + "\n```")
        elif out and (field := FIELD.fullmatch(lines[0])):  # what comes first is a sentence
            _, *more = _taken(lines, lambda line: line.startswith("  "))
            name = ", ".join(f"`{name}`" for name in field[1].split(", "))
            out.append(f"{name}\n: {_escaped(' '.join([field[2], *map(str.strip, more)]))}")
        else:
            plain = lambda line: line and not line.startswith((" ", ">>> ")) and not FIELD.fullmatch(line)
            out.append(_escaped(" ".join(_taken(lines, plain))))
    return "\n\n".join(out)


def _taken(lines, belongs):
    """The first line and those after it that belong to it, taken off `lines`."""
    taken = [lines.pop(0)]
    while lines and belongs(lines[0]):
        taken.append(lines.pop(0))
    return taken


def _escaped(text):
    """Plain text, with code in backticks, as Markdown that shows just that."""
    parts = re.split(r"(`[^`]+`)", text)
    plain = lambda part: re.sub(r"([\\*_\[\]<>$|#~{}`^])", r"\\\1", part)
    text = "".join(part if k % 2 else plain(part) for k, part in enumerate(parts))
    return re.sub(r"^([-+:]|\d+[.)])", r"\\\1", text)


def _brief(text, name=""):
    """The first sentence of a docstring, without the module's name that it may begin with."""
    first = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split("\n"))
    first = first.removeprefix(f"{name.rpartition('.')[2].title()}: ")
    return re.split(r"(?<!\bet al[.])(?<=\w[.])\s", first)[0].removesuffix(".")


# ---- Sphinx ------------------------------------------------------------------------------------------------------


def setup(app):
    app.connect("source-read", _read)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}


def _read(app, name, source):
    """Put a package's reference in its place on a page."""
    source[0] = PLACE.sub(lambda found: page(found[1]), source[0])


def _resolve(app, env, node, content):
    """A type in a signature: the class of that name or what the hints mean by it, if it is ours; else the word."""
    if node["refdomain"] != "py" or node["reftype"] not in ("class", "obj"):
        return None
    python, end = env.domains["py"], f".{node['reftarget']}"
    full = [key for key, entry in python.objects.items() if key.endswith(end) and entry[2] in ("class", "data")]
    if len(full) != 1:
        return content
    return python.resolve_xref(env, node["refdoc"], app.builder, python.objects[full[0]][2], full[0], node, content)
