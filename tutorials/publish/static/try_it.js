/* "Try it here" under each exercise: an editor, and Python in a worker (try_it_worker.js) that grades what is in it.

   A page holds <div class="try-it" data-exercise data-cell hidden> and, as JSON, the code cells of its lesson
   (tutorials/publish/try_it.py). Nothing is loaded before the reader agrees; all editors of a page share one Python. */
(() => {
  "use strict";
  const here = document.currentScript.src;
  const SAYS = {
    unreachable: "Python could not be loaded: cdn.jsdelivr.net cannot be reached from here. Try again later, or work in the notebook: python -m croco_np.learn opens it.",
    changed: "Python was not started: a file from cdn.jsdelivr.net is not the one that this page expects. Please tell the authors, and work in the notebook: python -m croco_np.learn opens it.",
    old: "This browser is too old to run Python. A newer Chrome, Edge, Firefox or Safari can, or work in the notebook: python -m croco_np.learn opens it.",
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

  const script = (name) => new Promise((resolve, reject) => {
    const element = make("script", { src: new URL(name, here).href, onload: resolve, onerror: () => reject(new Error(name)) });
    document.head.append(element);
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

  /* The worker of this page. `listen` is whoever waits for it: one cell runs at a time. */
  const python = {
    worker: null, starting: null, listen: () => {},

    start() {
      this.starting ??= new Promise((resolve, reject) => {
        if (!canRun()) throw Object.assign(new Error(), { reason: "old" });
        this.worker = new Worker(address(`(${tryItWorker})(self, ${JSON.stringify(tryItPins)});`), { type: "module" });
        this.worker.onerror = (event) => this.fail(Object.assign(new Error(event.message), { reason: "error" }), reject);
        this.worker.onmessage = ({ data }) => {
          if (data.ready) resolve();
          else if (data.failed) this.fail(Object.assign(new Error(data.detail), { reason: data.failed }), reject);
          else this.listen(data);
        };
        const loaded = typeof crocoNpWheel === "undefined" ? script("croco_np_wheel.js") : Promise.resolve();
        loaded.then(() => this.worker.postMessage({ start: crocoNpWheel }), reject);
      });
      this.starting.catch(() => this.stop());
      return this.starting;
    },

    fail(error, reject) {
      const { listen } = this;
      this.stop();
      reject(error);
      listen({ failed: error });
    },

    stop() {
      this.worker?.terminate();
      Object.assign(this, { worker: null, starting: null, listen: () => {} });
    },
  };

  let agreed = false, busy = null;

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
      const run = button("Run", grade), stop = button("Stop", halt);
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
      stop.disabled = true;
      place.replaceChildren(label, text, help, make("div", { className: "try-it-buttons" }, run, stop, anew), result);

      const fit = () => { text.rows = Math.min(30, Math.max(5, text.value.split("\n").length + 1)); };
      text.addEventListener("input", () => { store.set(exercise, text.value); fit(); });
      indent(text, grade);
      fit();
      text.focus();
      prepare();

      function prepare() {
        python.listen = (data) => { if (data.loading) status.textContent = data.loading; };
        python.start().then(() => { if (!busy) status.textContent = "Ready."; }, (error) => fail(error));
      }

      async function grade() {
        if (busy) { status.textContent = "Another cell is still running."; return; }
        busy = exercise;
        run.disabled = true;
        stop.disabled = false;
        output.textContent = "";
        output.hidden = true;
        const lines = [];
        const hear = (data, done) => {
          if (data.loading) status.textContent = data.loading;
          if (data.said !== undefined && lines.push(data.said) < 2000) output.textContent = lines.join("\n");
          if (data.done || data.failed) done(data.failed);
        };
        try {
          python.listen = (data) => hear(data, () => {});
          await python.start();
          if (busy !== exercise) return;
          status.textContent = "Running …";
          const failed = await new Promise((done) => {
            python.listen = (data) => hear(data, done);
            python.worker.postMessage({ run: { above: cells.slice(0, at).map(asWritten), cell: text.value, exercise } });
          });
          if (failed) throw failed;
          status.textContent = "";
          output.textContent = lines.join("\n") || "It ran, and printed nothing.";
          output.hidden = false;
        } catch (error) {
          fail(error);
        } finally {
          if (busy === exercise) idle();
        }
      }

      function idle() {
        busy = null;
        run.disabled = false;
        stop.disabled = true;
      }

      function halt() {
        python.stop();
        status.textContent = "Stopped. The next run starts Python anew.";
        idle();
        run.focus();
      }

      function fail(error) {
        status.textContent = SAYS[error.reason] ?? SAYS.error;
        console.warn(`try it here: ${error.message}`);
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
