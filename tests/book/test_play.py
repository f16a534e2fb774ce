"""The figures that act: their numbers are the package's, they obey the keyboard, and they ask no other host.

The cells' JavaScript runs in Chromium on an empty page; the figures on the pages of the built book (make book).
"""

import functools
import http.server
import os
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from mutants import mutants

from lstm_core import cells, data, evaluate, scan
from lstm_core.variants import CELLS

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
PLAY = ROOT / "figures" / "play"
sys.path[:0] = [str(ROOT / "tools"), str(PLAY)]

import browser  # noqa: E402
import digit  # noqa: E402
import javascript  # noqa: E402
import play  # noqa: E402

PAGES = {"explorer": "derive/lstm", "backward": "derive/peephole", "parity": "run/parity", "digit": "run/mnist",
         "prove": "start/proofs"}  # fmt: skip
T, D, H, B = 4, 2, 3, 5
CLOSE = 1e-9  # both compute in float64 and add in another order; their tanh differ by some units of the last place
SECONDS, WEIGHT = 15, 100_000


# ---- the cells, written out ------------------------------------------------------------------------------------------


def flat(array):
    return np.asarray(array).ravel().tolist()


def case(cell, rng):
    """Numbers for a run and back, and what the package makes of them."""
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    x, dh = rng.standard_normal((T, D, B)), rng.standard_normal((T, H, B))
    state, dstate = ([rng.standard_normal((H, B)) for _ in cell.states] for _ in range(2))
    h, final, cache = scan.forward(cell, P, x, state)
    grads, dx, dstate0 = scan.backward(cell, P, cache, dh, dstate)
    given = {"P": {name: flat(array) for name, array in P.items()}, "x": flat(x), "dh": flat(dh)}
    given |= {"state": [*map(flat, state)], "dstate": [*map(flat, dstate)], "sizes": {"T": T, "D": D, "H": H, "B": B}}
    ends = {f"{name}_T": s for name, s in zip(cell.states, final)}
    ends |= {f"d{name}_0": d for name, d in zip(cell.states, dstate0)}
    return given, {"h": h, "dx": dx} | grads | ends


RUN = """([name, {P, x, dh, state, dstate, sizes}]) => {
  const array = (x) => Float64Array.from(x), cell = Play.cells[name], layer = Play.layer(cell, sizes);
  P = Object.fromEntries(Object.entries(P).map(([key, value]) => [key, array(value)]));
  const run = layer.forward(P, array(x), state.map(array)), found = {h: [...run.h]};
  cell.states.forEach((s, k) => { found[`${s}_T`] = [...run.state[k]]; });
  const grads = layer.backward(array(dh), dstate.map(array));
  for (const key of ["W", "R", "b", "p", "dx"]) found[key] = [...grads[key]];
  cell.states.forEach((s, k) => { found[`d${s}_0`] = [...grads.dstate[k]]; });
  return found;
}"""


@pytest.fixture(scope="module")
def chromium():
    if browser.path() is None:
        pytest.skip("there is no Chromium to run the figures in (apt install chromium, or CHROMIUM=/path/to/it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.path(), args=browser.FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def bare(chromium):
    """An empty page with the scan, and with the cells of a text."""

    def load(text):
        page = chromium.new_page()
        for script in (*((PLAY / name).read_text(encoding="utf-8") for name in ("play.js", "scan.js")), text):
            page.add_script_tag(content=script)
        return page

    return load


def off(found, expected):
    """The largest difference; whatever the package returns has to be there."""
    return max(float(np.abs(np.array(found[name]) - np.ravel(array)).max()) for name, array in expected.items())


def test_the_cells_in_javascript_are_the_cells(bare, shown):
    page, rng, worst = bare(javascript.text()), np.random.default_rng(0), 0.0
    for name, cell in CELLS.items():
        given, expected = case(cell, rng)
        worst = max(worst, off(page.evaluate(RUN, [name, given]), expected))
        assert worst < CLOSE, name
    shown(f"figures that act  {len(CELLS)} cells in JavaScript, forward and back, off by {worst:.0e} at most")


@pytest.mark.parametrize("function", ["lstm_step", "lstm_back", "gru_back"])
def test_a_changed_cell_changes_its_javascript(bare, function):
    """And its numbers: what is written out is read from the cell."""
    wrong = next(m for m in mutants(cells, [function]) if m.kind == "operator" or "-" in m.change).load()
    cell = wrong.LSTM if function.startswith("lstm") else wrong.GRU
    text = javascript.text({cell.name: cell})
    assert text != javascript.text({cell.name: CELLS[cell.name]})
    given, expected = case(CELLS[cell.name], np.random.default_rng(1))
    assert off(bare(text).evaluate(RUN, [cell.name, given]), expected) > 1e-3


# ---- the figures, on their pages -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address():
    """The built book on a port of this machine."""
    if not (HTML / "_static" / "play").is_dir():
        pytest.skip("the book is not built (make book)")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=str(HTML)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def opened(chromium, address):
    """opened(name): the page and the figure, from file:// if not `served`; errors and foreign requests fail a test."""
    wrong = []

    def open_page(name, served=False, **options):
        page = chromium.new_page(viewport={"width": 1200, "height": 2400}, **options)
        page.set_default_timeout(180_000)  # ms; a busy machine takes its time
        start = f"{address if served else HTML.as_uri()}/"
        page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((start, "data:", "blob:")) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(f"{start}chapters/{PAGES[name]}.html", wait_until="domcontentloaded")
        figure = page.locator(f"figure.play-{name}")
        if options.get("java_script_enabled", True):
            page.wait_for_selector(f"figure.play-{name} .play")
        return page, figure

    yield open_page
    assert not wrong, wrong


def found(figure):
    """What the figure has computed."""
    return figure.locator(".play").evaluate(
        "box => JSON.parse(JSON.stringify(box.found, (_, x) => ArrayBuffer.isView(x) ? [...x] : x))"
    )


def wait(page, name, condition):
    page.wait_for_function(f"(found => {condition})(document.querySelector('figure.play-{name} .play').found)")


def explored(figure):
    """What the package makes of the weights and inputs of the explorer: all states it shows, by name."""
    shown = found(figure)
    cell = CELLS[shown["name"]]
    shapes = scan.parameter_shapes(cell, 3, 1)
    P = {name: np.float64(shown["P"][name]).reshape(shape) for name, shape in shapes.items()}
    x = np.float64(shown["x"]).reshape(-1, 3, 1)
    h, _, cache = scan.forward(cell, P, x)
    right = {"h": h.ravel()}
    if "c" in cell.states and any("c" in getattr(kept, "_fields", ()) for kept in cache.steps[0]):
        right["c"] = cache.planes("c").ravel()
    right |= {name: cache.planes(name).ravel() for name in shown["gates"]}
    return shown["states"] | shown["gates"], right


def test_the_explorer_shows_what_the_package_computes(opened):
    _, figure = opened("explorer")
    for name in CELLS:
        figure.get_by_role("combobox", name="Cell").select_option(name)
        figure.get_by_role("combobox", name="Weights").select_option("random")
        shown, right = explored(figure)
        assert off(shown, right) < CLOSE and np.ptp(right["h"]) > 0.01, name


def test_the_explorer_by_keyboard(opened):
    """The caption's first try: a lower bias of the forget gate, and the memory leaks."""
    page, figure = opened("explorer")
    before, _ = explored(figure)
    assert np.ptp(before["c"][1:12]) < 0.01  # a notepad
    bias = figure.get_by_label("bias")
    bias.focus()
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    assert figure.locator(".play-slider output").first.inner_text() == "2.0"
    after, right = explored(figure)
    assert off(after, right) < CLOSE and after["c"][11] < 0.5 * before["c"][11]
    value = figure.get_by_role("slider", name="value", exact=True)
    value.focus()
    page.keyboard.press("Home")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert abs(found(figure)["x"][0] - 0.3) < 1e-9 and found(figure)["states"]["c"][0] < after["c"][0]
    assert "step 2" in value.get_attribute("aria-valuetext")
    figure.get_by_role("slider", name="bell: write").focus()
    page.keyboard.press(" ")
    assert found(figure)["x"][4] == 1
    assert figure.get_by_text("Step 2:").is_visible()


def test_a_finger_that_scrolls_changes_no_input(opened):
    """A tap does, and so does a drag sideways, at every step that it passes."""
    page, figure = opened("explorer", has_touch=True)
    page.set_viewport_size({"width": 360, "height": 800})
    strip = figure.get_by_role("slider", name="value", exact=True)

    def finger(dx, dy):
        before = found(figure)["x"]
        strip.evaluate("strip => strip.scrollIntoView({block: 'center', behavior: 'instant'})")
        box = strip.locator("rect").first.bounding_box()
        x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] - 4
        touch = page.context.new_cdp_session(page)
        for kind, k in [("touchStart", 0), *(("touchMove", k / 5) for k in range(1, 6)), ("touchEnd", None)]:
            points = [] if k is None else [{"x": x + k * dx, "y": y + k * dy}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        return sum(a != b for a, b in zip(found(figure)["x"], before, strict=True))

    assert finger(0, 0) == 1
    assert finger(120, 0) >= 8
    assert finger(0, -120) == 0


@pytest.mark.parametrize("name", play.GRAPHS)
def test_the_sums_over_arrows_are_the_shipped_backward_pass(opened, name):
    page, figure = opened("backward")
    figure.get_by_role("combobox", name="Cell").select_option(name)
    page.wait_for_function(f"Play.graphs['{name}']")
    figure.get_by_role("button", name="All the way").click()
    shown = found(figure)
    assert off(shown["d"], shown["shipped"]) < CLOSE and len(shown["shipped"]) >= 5
    assert f"All {len(shown['shipped'])} derivatives are those" in figure.inner_text()
    graph = play.graph_text(name)
    assert figure.locator(".play-back").count() == graph.count('"factor": (v)')


def test_without_an_arrow_the_gradient_goes_wrong_by_keyboard(opened):
    page, figure = opened("backward")
    back = figure.get_by_role("button", name="Back", exact=True)
    back.focus()
    while found(figure).get("id") != "c@0":
        page.keyboard.press("Enter")
    ticks = figure.get_by_role("checkbox")
    assert ticks.count() == 5
    shown = found(figure)
    assert abs(shown["d"]["c@0"] - shown["right"]["c@0"]) < CLOSE
    ticks.first.focus()
    page.keyboard.press(" ")
    assert "that is wrong" in figure.inner_text() and "switched off" in figure.inner_text()
    figure.get_by_role("button", name="All the way").press("Enter")
    shown = found(figure)
    wrong = {name for name, d in shown["shipped"].items() if abs(d - shown["d"][name]) > 1e-6}
    assert {"W_i", "R_f", "b_g", "p_f"} <= wrong and f"{len(wrong)} of" in figure.inner_text()
    assert figure.locator("tr.play-wrong").count() == len(wrong)
    figure.get_by_role("button", name="Forth").press("Enter")
    assert figure.locator("tr.play-wrong").count() == 0
    figure.get_by_role("combobox", name="Go to").select_option("f_bar@0")
    assert found(figure)["id"] == "f_bar@0" and "since what arrives is wrong" in figure.inner_text()
    figure.get_by_role("button", name="All arrows on").press("Enter")
    assert (
        "wrong:" not in figure.inner_text() and off(found(figure)["d"], {"f_bar@0": shown["right"]["f_bar@0"]}) < CLOSE
    )


def test_parity_trains_in_the_page(opened, shown):
    page, figure = opened("parity")
    assert found(figure)["wrong"] > 0
    figure.get_by_role("button", name="Train").press("Enter")
    wait(page, "parity", "found.batches > 10")
    figure.get_by_role("button", name="Pause").press("Enter")
    paused = found(figure)
    told = f"with probability {max(paused['odd'][-1], 1 - paused['odd'][-1]):.3f}"
    assert told in figure.inner_text() and f"Wrong on the way: {paused['wrong']} of 10" in figure.inner_text()
    figure.get_by_role("button", name="Go on").press("Enter")
    wait(page, "parity", "found.solved || found.batches >= 1500")
    result = found(figure)
    assert result["solved"] and result["wrong"] == 0
    assert result["losses"][0] > 0.6 and result["losses"][-1] < 0.1
    assert "Solved after" in figure.inner_text()
    shown(f"figures that act  parity solved in {result['batches']} batches, {result['spent'] / 1000:.1f} s")
    if os.getloadavg()[0] < (os.cpu_count() or 1):  # on a machine that is busy otherwise, seconds say nothing
        assert result["spent"] < 1000 * SECONDS
    bits = figure.get_by_label("Your bits")
    bits.fill("1110")
    assert "true is odd" in figure.inner_text()
    odd = np.array(found(figure)["odd"])
    assert ((odd > 0.5) == [1, 0, 1, 1]).all()


def test_the_stored_weights_are_those_that_were_measured(shown):
    model, stored = digit.stored()
    assert digit.FILE.stat().st_size <= 150_000
    made = stored["made"]
    assert made["test error as stored"] - made["test error as trained"] < 0.001
    try:
        _, test = data.mnist()
    except (OSError, ValueError):
        pytest.skip("MNIST is not here (LSTM_CORE_DATA)")
    error = evaluate(model, *test).error
    shown(f"figures that act  digits with weights of {digit.FILE.stat().st_size:,} bytes: test error {error:.2%}")
    assert abs(error - made["test error as stored"]) < 2e-4  # two digits: rounding in float32


def test_the_digits_are_read_as_the_package_reads_them(opened):
    page, figure = opened("digit")
    model, _ = digit.stored()
    P = {name: np.float64(model.params[f"lstm.{name}"]) for name in "WRb"}
    for k in range(10):
        figure.get_by_label("or let it be drawn").select_option(str(k))
        wait(page, "digit", f"found.belief && document.querySelector('figure.play-digit select').value === 'd{k}'")
        result = found(figure)
        h, _, _ = scan.forward(cells.LSTM, P, np.float64(result["pixels"]).reshape(28, 28, 1))
        scores = model.params["dense.W"] @ h[..., 0].T + model.params["dense.b"]
        belief = np.exp(scores - scores.max(axis=0))
        # float32 stores the package's weights, the page has them in float64
        assert np.abs(result["belief"] - (belief / belief.sum(axis=0)).T).max() < 1e-4
        assert int(np.argmax(result["belief"][-1])) == k


def test_a_digit_drawn_by_keyboard(opened):
    page, figure = opened("digit")
    figure.get_by_role("application").focus()
    page.keyboard.press(" ")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    wait(page, "digit", "found.belief")
    assert int(np.argmax(found(figure)["belief"][-1])) == 1
    rows = figure.get_by_label("rows read")
    rows.focus()
    page.keyboard.press("Home")
    assert found(figure)["rows"] == 1 and "After 1 of 28 rows" in figure.inner_text()
    figure.get_by_role("button", name="Clear").press("Enter")
    assert found(figure)["belief"] is None and "Nothing is drawn" in figure.inner_text()


# ---- the proof -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judge():
    """The program that the page runs, here."""
    names = {}
    exec(compile(play.judge_text(), "judge", "exec"), names)
    return names["judge"]


@pytest.mark.parametrize("name", play.PROVEN)
def test_what_ships_is_proven(judge, name):
    cell = play.proven_cells()[name]
    verdict = judge(cell["text"], cell)
    assert verdict["kind"] == "proven" and "And step is that of" in verdict["words"], verdict


def test_every_wrong_sign_of_a_back_is_refuted(judge, shown):
    refuted = 0
    for name, cell in play.proven_cells().items():
        back = cell["text"].index("def ", 5)
        for sign in re.finditer(r" [+-] (?!\d)|(?<=\(1) - ", cell["text"][back:]):
            at = back + sign.start() + 1
            wrong = cell["text"][:at] + {"+": "-", "-": "+"}[cell["text"][at]] + cell["text"][at + 1 :]
            verdict = judge(wrong, cell)
            assert verdict["kind"] == "refuted" and re.search(r"With .* = ", verdict["words"]), (name, wrong, verdict)
            refuted += 1
    assert refuted >= 15
    shown(f"figures that act  {refuted} wrong signs refuted, each with a counterexample")


def test_another_step_is_told_from_a_wrong_one(judge):
    cell = play.proven_cells()["rnn"]
    other = cell["text"].replace("tanh(au)", "tanh(au / 2)").replace("(1 - h * h)", "(1 - h * h) / 2")
    verdict = judge(other, cell)
    assert verdict["kind"] == "proven" and "no longer that of the vanilla RNN" in verdict["words"]
    assert judge("def rnn_step(", cell)["kind"] == "stopped"
    assert judge("", cell)["kind"] == "refuted"
    assert judge(cell["text"].replace("-", "\N{MINUS SIGN}"), cell)["kind"] == "proven"
    stopped = judge(cell["text"].replace("tanh(au)", "tanh(ua)"), cell)
    assert stopped["kind"] == "stopped" and "h = tanh(ua)" in stopped["words"]


def test_all_that_is_wrong_is_told(judge):
    """And what the counterexample's names mean."""
    cell = play.proven_cells()["lstm"]
    words = judge(cell["text"].replace("+ p_o * do_bar", "- p_o * do_bar"), cell)["words"]
    told = re.match(r"Wrong: (.*) \((\d+) of 13\); the first: (\S+),", words)
    wrong = told[1].split(", ")
    assert len(wrong) == int(told[2]) > 5 and told[3] == wrong[0] and "da[1]" not in wrong  # o has its own path
    assert words.endswith("Here a_g is the input's part of au_g.")
    words = judge(cell["text"].replace("dc * c_prev * f * (1", "dc * f * (1"), cell)["words"]
    assert words.startswith(
        "Wrong: da[2], du[2], ds[1], dp[2] (4 of 13); the first: da[2], the derivative with respect to a_f."
    )
    words = judge(cell["text"].replace("c_prev * f * (1 - f)", "c_prev * f"), cell)["words"]
    assert words.endswith("Here c_prev is the state before the step.")


def verdict_of(page, figure):
    figure.get_by_role("button", name="Prove").press("Enter")
    wait(page, "prove", "found")
    return found(figure)


def test_the_proof_in_the_page(opened, shown):
    if not (HTML / "pyodide" / "pyodide.asm.wasm").is_file():
        pytest.skip("Pyodide is not in this build (npm was missing)")
    page, figure = opened("prove", served=True)
    assert verdict_of(page, figure)["kind"] == "proven"
    figure.get_by_role("combobox", name="Cell").select_option("lstm")
    code = figure.locator("textarea")
    code.fill(code.input_value().replace("+ p_o * do_bar", "- p_o * do_bar"))
    code.press("Control+Enter")
    wait(page, "prove", "found && found.kind === 'refuted'")
    wrong = found(figure)
    assert "p_o = 1" in wrong["words"] and "Refuted." in figure.inner_text()
    figure.get_by_role("button", name="As it ships").press("Enter")
    assert not figure.get_by_role("status").inner_text()
    right = verdict_of(page, figure)
    assert right["kind"] == "proven" and "13 derivatives" in right["words"]
    assert max(wrong["seconds"], right["seconds"]) < 20
    shown(f"figures that act  in the page: proven in {right['seconds']:.1f} s, refuted in {wrong['seconds']:.1f} s")


def test_from_a_file_the_proof_wants_a_server(opened):
    _, figure = opened("prove")
    figure.get_by_role("button", name="Prove").click()
    assert "make serve" in figure.get_by_role("status").inner_text()


def test_without_pyodide_the_proof_says_so(chromium, address):
    page = chromium.new_page()
    page.route("**/pyodide/**", lambda route: route.fulfill(body="// npm was missing", content_type="text/javascript"))
    page.goto(f"{address}/chapters/{PAGES['prove']}.html", wait_until="domcontentloaded")
    page.locator("figure.play-prove").get_by_role("button", name="Prove").click()
    page.get_by_text("npm was missing when it was made").wait_for()


# ---- without scripts, on paper, and what it weighs -------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_the_picture_stands_in(opened, name):
    _, figure = opened(name, java_script_enabled=False)
    figure.locator("img").wait_for()  # as a picture that is not loaded yet has no size
    assert figure.locator("img").is_visible() and figure.locator(".play").count() == 0
    page, figure = opened(name)
    assert figure.locator("img").is_hidden() and figure.locator(".play").is_visible()
    page.emulate_media(media="print")
    assert figure.locator("img").is_visible() and figure.locator(".play").is_hidden()


@pytest.mark.parametrize("name", PAGES)
def test_what_a_figure_weighs(name, tmp_path, shown):
    play.write(tmp_path)
    files = [*(tmp_path / script for script in ("play.js", "play.css", f"{name}.js", *play.FIGURES[name]))]
    weight = sum(path.stat().st_size for path in [*files, PLAY / f"{name}.png"])
    shown(f"figures that act  {name}: {weight:,} bytes before anything is clicked")
    assert weight <= WEIGHT


def test_pages_without_figures_load_none():
    if not HTML.is_dir():
        pytest.skip("the book is not built (make book)")
    pages = {path for path in HTML.glob("chapters/*/*.html") if "play/play.js" in path.read_text(encoding="utf-8")}
    assert pages == {HTML / "chapters" / f"{page}.html" for page in PAGES.values()}


OVER = """box => [...box.querySelectorAll("*")].filter(e => !e.closest("svg *, .play-scroll *, mjx-container"))
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth)
  .map(e => e.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_runs_out_of_a_phone(opened, name, theme):
    page, figure = opened(name, color_scheme=theme)
    page.set_viewport_size({"width": 360, "height": 800})
    over = figure.locator(".play").evaluate(OVER)
    assert not over
