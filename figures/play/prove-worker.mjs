// Runs Python beside the page, so that nothing the reader writes can stop it. Everything comes from the book's own site.
import {loadPyodide} from "../../pyodide/pyodide.mjs";

const home = new URL("../../pyodide/", import.meta.url).href;
let python = null;

async function start(judge) {
  postMessage({state: "Python is being loaded …"});
  python = await loadPyodide({indexURL: home});
  postMessage({state: "SymPy is being loaded …"});
  const archive = await (await fetch(new URL("../sympy/sympy.zip", home))).arrayBuffer();
  python.unpackArchive(archive, "zip", {extractDir: "/packages"});
  await python.runPythonAsync("import sys; sys.path.append('/packages')");
  await python.runPythonAsync(judge);
  await python.runPythonAsync("import json");
}

onmessage = async ({data: {judge, text, cell}}) => {
  try {
    if (!python) await start(judge);
    postMessage({state: "The proof is running …"});
    python.globals.set("given", JSON.stringify([text, cell]));
    postMessage({verdict: JSON.parse(await python.runPythonAsync("json.dumps(judge(*json.loads(given)))"))});
  } catch (error) {
    postMessage({failed: String(error.message ?? error)});
  }
};
