/* Python in a worker, for "Try it here": Pyodide and NumPy from their CDN, croco_np from the site.

   `tryItWorker` is sent to the worker as text, and so uses nothing from outside. What comes from the CDN is pinned: the
   files of the runtime by the hashes here, NumPy by the hash in the runtime's lock file, which is one of them. The
   runtime is taken as npm has it, which the tests hold these hashes against.

   Messages to it    {start: wheel}                          load Python; wheel: {name, base64}
                     {id, run: {above, cell, exercise}}      run an exercise cell; `id` comes back with what it says
   Messages from it  {loading: text}, {silent: true}, {ready: true}, {id, said: line}, {id, done: true}
                     {failed: reason, detail}                reason: "unreachable", "changed", "old" or "error" */
const tryItPins = {
  runtime: "https://cdn.jsdelivr.net/npm/pyodide@314.0.7/",
  packages: "https://cdn.jsdelivr.net/pyodide/v314.0.7/full/",
  patience: 30_000,  // ms without a byte
  hashes: {
    "pyodide.mjs": "sha256-bx1g979Sm+swDw9HmDySHTmCNjZAuiCvDjjv3dvGYQk=",
    "pyodide.asm.mjs": "sha256-983I7OgGeM63EvjmXr5tOoMgOhgMOZhl9JYSoFFpNjU=",
    "pyodide.asm.wasm": "sha256-zDbjyrBP38mmP/E+tS6uK5Eb9GwCXMeygfOUvT3h1eY=",
    "python_stdlib.zip": "sha256-+hlX5XdwaPxPdDf5bYYK4vvpwZcyugbITgBOwW3X3Xo=",
    "pyodide-lock.json": "sha256-XcL8EZEIvBSMdFfchudnW1yH4cr9QgucNMHq73s2wBA=",
  },
};

function tryItWorker(self, pins) {
  "use strict";
  const load = self.fetch.bind(self);
  let python = null, failed = false, running = null, stage = "";

  /* Once: the runtime goes on for a while without a file, and stumbles over that. */
  function fail(reason, detail) {
    if (!failed) self.postMessage({ failed: reason, detail });
    failed = true;
    return new Error(detail);
  }

  function loading(text) {
    stage = text;
    self.postMessage({ loading: text });
  }

  /* The bytes at an address, piece by piece: a connection on which nothing comes is noticed, and so is the next byte. */
  async function read(url) {
    let timer = null, silent = false;
    const watch = () => {
      clearTimeout(timer);
      if (silent) self.postMessage({ loading: stage });
      silent = false;
      timer = setTimeout(() => { silent = true; self.postMessage({ silent }); }, pins.patience);
    };
    watch();
    try {
      const response = await load(url, { mode: "cors", credentials: "omit" });
      if (!response.ok) throw new Error(`${url} answers ${response.status}`);
      const pieces = [], reader = response.body.getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        pieces.push(next.value);
        watch();
      }
      return new Blob(pieces, { type: response.headers.get("content-type") });
    } finally {
      clearTimeout(timer);
    }
  }

  /* What a Blob holds, if it has this hash. */
  async function matching(blob, integrity) {
    const url = URL.createObjectURL(blob);
    try {
      return await load(url, { integrity });
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  /* A file from the CDN, of which the browser checks every byte. */
  async function checked(url, integrity) {
    const blob = await read(url).catch(() => { throw fail("unreachable", `${url} ${integrity}`); });
    return matching(blob, integrity).catch(() => { throw fail("changed", `${url} ${integrity}`); });
  }

  /* A browser that does not look at the hash of a Blob would take anything from the CDN: it gets nothing. */
  async function checks() {
    const wrong = pins.hashes["pyodide.mjs"];
    return matching(new Blob(["not that file"]), wrong).then(() => false, () => true);
  }

  /* All that the runtime asks for: its own files by the pinned hashes, packages by those of its lock file. */
  self.fetch = (request, options = {}) => {
    const url = String(request.url ?? request);
    const name = url.startsWith(pins.runtime) ? url.slice(pins.runtime.length) : "";
    const own = Object.hasOwn(pins.hashes, name) ? pins.hashes[name] : null;
    const integrity = own ?? (url.startsWith(pins.packages) ? options.integrity : null);
    return integrity ? checked(url, integrity) : Promise.reject(new Error(`${url} is not pinned`));
  };

  async function module(name) {
    const text = await (await self.fetch(pins.runtime + name)).text();
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    try {
      return await import(url);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  const say = (line) => self.postMessage({ id: running, said: line });

  async function start(wheel) {
    if (!await checks()) throw fail("old", "the hash of a Blob is not checked");
    loading("Loading Python (about 7 MB) …");
    const { loadPyodide } = await module("pyodide.mjs");
    const { default: createPyodideModule } = await module("pyodide.asm.mjs");
    python = await loadPyodide({
      indexURL: pins.runtime,
      packageBaseUrl: pins.packages,
      createPyodideModule,
      stdout: say,
      stderr: say,
      env: { HOME: "/home/reader", CROCO_NP_KERNELS: "numpy" },
    });
    loading(`Python ${python.runPython("import sys; sys.version.split()[0]")} runs. Loading NumPy (about 3 MB) …`);
    await python.loadPackage("numpy", { messageCallback: () => {}, errorCallback: () => {} });
    if (failed) return;  // the runtime itself only tells its console
    loading("Loading croco_np …");
    python.unpackArchive(Uint8Array.from(atob(wheel.base64), (c) => c.charCodeAt(0)), "wheel");
    python.runPython("import json; from croco_np.teaching.cells import attempt");
    self.postMessage({ ready: true });
  }

  function run(id, { above, cell, exercise }) {
    running = id;
    python.globals.set("_given", JSON.stringify([above, cell, exercise]));
    python.runPython("attempt(*json.loads(_given))");
    self.postMessage({ id, done: true });
  }

  self.onmessage = async ({ data }) => {
    try {
      if (data.start) await start(data.start);
      else run(data.id, data.run);
    } catch (error) {
      fail(error instanceof WebAssembly.CompileError ? "old" : "error", String(error.message ?? error));
    }
  };
}
