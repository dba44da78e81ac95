/* "Try it here" under each exercise: an editor, and Python in a worker (try_it_worker.js) that grades what is in it.

   A page holds <div class="try-it" data-exercise data-cell hidden> and, as JSON, the code cells of its lesson
   (tutorials/publish/try_it.py). Nothing is loaded before the reader agrees; all editors of a page share one Python. */
(() => {
  "use strict";
  const here = document.currentScript.src;
  const SAYS = {
    unreachable: "Python could not be loaded: cdn.jsdelivr.net cannot be reached from here. Try again later, or work in the notebook: python -m croco_np.learn opens it.",
    changed: "Python was not started: a file from cdn.jsdelivr.net is not the one that this page expects. Please tell the authors, or work in the notebook: python -m croco_np.learn opens it.",
    old: "This browser is too old to run Python. A newer Chrome, Edge, Firefox or Safari can, or work in the notebook: python -m croco_np.learn opens it.",
    wheel: "Python was not started: croco_np_wheel.js is missing on this site, and croco_np is in it. Please tell the authors, or work in the notebook: python -m croco_np.learn opens it.",
    silent: "Nothing has come from cdn.jsdelivr.net for 30 seconds: it may not be reachable from here. Wait on, or press Stop, or work in the notebook: python -m croco_np.learn opens it.",
    stopped: "Stopped. The next run starts Python anew.",
    error: "Python stopped, and starts anew at the next run.",
  };

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const button = (text, action) => {
    const element = make("button", { type: "button", textContent: text });
    element.addEventListener("click", action);
    return element;
  };

  /* What is typed stays on this machine; where a browser keeps nothing, it lasts as long as the page. */
  const kept = new Map();
  const store = {
    get: (exercise) => {
      try { return localStorage.getItem(`croco_np exercise ${exercise}`) ?? kept.get(exercise); } catch { return kept.get(exercise); }
    },
    set: (exercise, text) => {
      kept.set(exercise, text);
      try { localStorage.setItem(`croco_np exercise ${exercise}`, text); } catch { /* kept above */ }
    },
    drop: (exercise) => {
      kept.delete(exercise);
      try { localStorage.removeItem(`croco_np exercise ${exercise}`); } catch { /* dropped above */ }
    },
  };

  const trouble = (reason, detail = reason) => Object.assign(new Error(detail), { reason });

  /* The package, of a script that is loaded once. */
  const wheel = () => new Promise((resolve, reject) => {
    const missing = () => reject(trouble("wheel", "croco_np_wheel.js"));
    if (typeof crocoNpWheel !== "undefined") { resolve(crocoNpWheel); return; }
    const onload = () => (typeof crocoNpWheel === "undefined" ? missing() : resolve(crocoNpWheel));
    document.head.append(make("script", { src: new URL("croco_np_wheel.js", here).href, onload, onerror: missing }));
  });

  function canRun() {
    let modules = false;
    if (typeof WebAssembly !== "object" || typeof Worker !== "function" || !Object.hasOwn) return false;
    try { new Worker("data:,", { get type() { modules = true; return "module"; } }).terminate(); } catch { /* asked, at least */ }
    return modules;
  }

  /* Where a script is that is only text. A page opened from a file may have no module as a Blob; elsewhere a Blob, which
     belongs to the site, so that the browser keeps what it loads. */
  function address(source) {
    if (location.protocol === "file:") return `data:text/javascript,${encodeURIComponent(source)}`;
    return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  }

  /* The worker of this page, which all its editors share. What it says of the start is for all who wait for that; what it
     says of a run has the number of that run, and is for the editor that asked for it. */
  const python = {
    worker: null, starting: null, refuse: null, stage: "", waiting: new Set(), runs: new Map(), number: 0,

    /* Until Python is there, `hear` is told how far it is. */
    start(hear) {
      if (!canRun()) return Promise.reject(trouble("old"));
      this.starting ??= this.load();
      const told = (text) => hear(text);
      this.waiting.add(told);
      if (this.stage) told(this.stage);
      return this.starting.finally(() => this.waiting.delete(told));
    },

    load() {
      const starting = new Promise((resolve, reject) => {
        this.refuse = reject;
        const worker = new Worker(address(`(${tryItWorker})(self, ${JSON.stringify(tryItPins)});`), { type: "module" });
        this.worker = worker;
        worker.onerror = (event) => this.stop(trouble("error", event.message), worker);
        worker.onmessage = ({ data }) => {
          if (data.failed) this.stop(trouble(data.failed, data.detail), worker);
          else if (data.ready) resolve();
          else if (data.loading || data.silent) this.tell(data.loading ?? SAYS.silent);
          else if (data.done) this.runs.get(data.id)?.resolve();
          else this.runs.get(data.id)?.hear(data.said);
        };
        wheel().then((found) => worker.postMessage({ start: found }), (error) => this.stop(error, worker));
      });
      starting.then(() => { this.stage = ""; }, (why) => { if (this.starting === starting) this.stop(why); });
      return starting;
    },

    tell(text) {
      this.stage = text;
      for (const hear of this.waiting) hear(text);
    },

    /* Run a cell, when Python is there; `hear` is told each line that it prints. */
    run(given, hear) {
      const id = ++this.number;
      const answered = new Promise((resolve, reject) => {
        this.runs.set(id, { hear, resolve, reject });
        this.worker.postMessage({ id, run: given });
      });
      return answered.finally(() => this.runs.delete(id));
    },

    /* End the worker; who waits for it is told why. News of a worker that is gone already ends nothing. */
    stop(why = trouble("stopped"), worker = this.worker) {
      if (worker !== this.worker) return;
      const waiting = [this.refuse, ...[...this.runs.values()].map(({ reject }) => reject)];
      worker?.terminate();
      Object.assign(this, { worker: null, starting: null, refuse: null, stage: "" });
      for (const reject of waiting) reject?.(why);
    },
  };

  let agreed = false;
  let busy = null;  // the run that goes on: of which exercise, and a promise of its end; Python runs one cell at a time

  function offer(place, cells) {
    const { exercise } = place.dataset, at = Number(place.dataset.cell);
    const open = button("Try it here", () => (agreed ? edit() : ask()));
    open.setAttribute("aria-label", `Try it here: exercise ${exercise}`);
    place.append(open);
    place.hidden = false;

    function ask() {
      const yes = button("Load Python", () => { agreed = true; edit(); });
      const no = button("Not now", () => { question.replaceWith(open); open.focus(); });
      const question = make("div", { className: "try-it-question" }, make("p", {
        textContent: "Python runs in your browser for this. About 10 MB are loaded from cdn.jsdelivr.net, and kept in the browser's cache. What you write stays on your machine.",
      }), yes, no);
      open.replaceWith(question);
      yes.focus();
    }

    function edit() {
      const stub = cells[at];
      const label = make("label", { textContent: `Your answer to exercise ${exercise}` });
      const text = make("textarea", { id: `try-it-${exercise}`, value: store.get(exercise) ?? stub, spellcheck: false, wrap: "off" });
      const help = make("p", { id: `try-it-help-${exercise}`, className: "try-it-help", textContent: "Tab indents, Escape and then Tab leaves; Ctrl or Cmd with Enter runs." });
      const status = make("p", { className: "try-it-status" });
      const output = make("pre", { className: "try-it-output", tabIndex: 0, hidden: true });
      const result = make("div", {}, status, output);
      const run = button("Run", begin), stop = button("Stop", halt);
      const anew = button("Back to the open cell", () => {
        if (text.value !== stub && !confirm("Throw away what you wrote here?")) return;
        text.value = stub;
        store.drop(exercise);
        fit();
      });
      label.htmlFor = text.id;
      text.setAttribute("aria-describedby", help.id);
      for (const [name, value] of [["autocapitalize", "off"], ["autocorrect", "off"], ["autocomplete", "off"]]) text.setAttribute(name, value);
      result.setAttribute("role", "status");
      result.setAttribute("aria-live", "polite");
      output.setAttribute("aria-label", `What exercise ${exercise} says`);
      let reasons = 0;  // to stop: this editor's run, and its waits for Python
      stop.disabled = true;
      place.replaceChildren(label, text, help, make("div", { className: "try-it-buttons" }, run, stop, anew), result);

      const fit = () => { text.rows = Math.min(30, Math.max(5, text.value.split("\n").length + 1)); };
      text.addEventListener("input", () => { store.set(exercise, text.value); fit(); });
      indent(text, begin);
      fit();
      text.focus();
      ready().then(() => (busy ? wait() : say("Ready.")), fail);

      function say(words) { status.textContent = words; }

      /* Stop can be pressed until this is over. */
      async function stoppable(work) {
        reasons += 1;
        stop.disabled = false;
        try {
          return await work;
        } finally {
          reasons -= 1;
          stop.disabled = reasons === 0;
        }
      }

      function ready() { return stoppable(python.start(say)); }

      function begin() {
        if (busy) { wait(); return; }
        busy = { exercise };
        busy.over = stoppable(grade()).catch(fail).finally(() => { busy = null; run.disabled = false; });
      }

      /* Another exercise runs: say so until it does not. */
      async function wait() {
        if (busy.exercise === exercise) return;
        const words = `Exercise ${busy.exercise} is still running. Wait for it, or press Stop there.`;
        say(words);
        await busy.over;
        if (status.textContent === words) say(python.starting ? "Ready." : SAYS.stopped);
      }

      async function grade() {
        const lines = [];
        run.disabled = true;
        output.textContent = "";
        output.hidden = true;
        await ready();
        say("Running …");
        await python.run({ above: cells.slice(0, at).map(asWritten), cell: text.value, exercise }, (line) => {
          if (lines.push(line) < 2000) output.textContent = lines.join("\n");
        });
        say("");
        output.textContent = lines.join("\n") || "It ran, and printed nothing.";
        output.hidden = false;
      }

      function halt() {
        run.disabled = false;
        run.focus();
        python.stop();
      }

      function fail(error) {
        say(SAYS[error.reason] ?? SAYS.error);
        if (error.reason !== "stopped") console.warn(`try it here: ${error.message}`);
      }
    }
  }

  /* Tab indents by four, Escape gives the next Tab back to the keyboard's reader, Ctrl or Cmd with Enter runs. */
  function indent(text, run) {
    let leaves = false;
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        run();
      } else if (event.key === "Escape") {
        leaves = true;
      } else if (event.key === "Tab" && !leaves && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        const from = text.value.lastIndexOf("\n", text.selectionStart - 1) + 1, end = Math.max(text.selectionEnd, from);
        const block = text.value.slice(from, end);
        if (event.shiftKey) put(from, end, block.replace(/^ {1,4}/gm, ""));
        else if (block.includes("\n")) put(from, end, block.replace(/^(?=.)/gm, "    "));
        else put(text.selectionStart, text.selectionEnd, "    ", true);
      } else if (event.key !== "Shift" && event.key !== "Tab") {
        leaves = false;
      }
    });
    text.addEventListener("blur", () => { leaves = false; });

    function put(from, end, words, behind = false) {
      text.setRangeText(words, from, end, behind ? "end" : "preserve");
      text.dispatchEvent(new Event("input"));
    }
  }

  const data = document.getElementById("try-it-cells");
  if (!data) return;
  const cells = JSON.parse(data.textContent);
  const places = [...document.querySelectorAll(".try-it")];
  const numbers = new Map(places.map((place) => [cells[place.dataset.cell], place.dataset.exercise]));
  /* An earlier exercise stands as the reader wrote it: a later one may build on it. */
  const asWritten = (source) => store.get(numbers.get(source)) ?? source;
  for (const place of places) offer(place, cells);
})();
