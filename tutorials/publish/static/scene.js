/* Pictures that move: each <figure class="scene"> holds a still and, as JSON, what changes at other settings of its
   controls (croco_np/teaching/pictures/scene.py). Here are the controls, and the putting in. */
(() => {
  "use strict";

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  function scene(figure) {
    const svg = figure.querySelector("svg");
    const source = figure.querySelector('script[type="application/json"]');
    wake(figure, svg);
    if (!source) return;
    const { controls, said, changes } = JSON.parse(source.textContent);
    const elements = [svg, ...svg.querySelectorAll("*")];
    const caption = figure.querySelector("figcaption");
    const setting = controls.map((control) => control.start);
    const listeners = [];

    function show() {
      const frame = setting.reduce((index, value, i) => index * controls[i].values.length + value, 0);
      for (const [place, attribute, values, which] of changes) {
        const element = elements[place], value = values[which[frame]];
        if (attribute === "") element.textContent = value;
        else if (value === "") element.removeAttribute(attribute);
        else element.setAttribute(attribute, value);
      }
      if (caption) caption.textContent = said[frame];
      figure.dataset.frame = frame;
      listeners.forEach((update) => update());
    }

    function set(i, value) {
      setting[i] = Math.max(0, Math.min(controls[i].values.length - 1, value));
      show();
    }

    const bar = make("div", { className: "controls" });
    controls.forEach((control, i) => {
      const widget = { slider, steps, choice }[control.kind];
      if (widget) bar.append(...widget(control, i, setting, set, listeners, caption));
    });
    if (bar.children.length) svg.after(bar);

    for (const element of svg.querySelectorAll("[data-goes]")) {
      const go = () => {
        for (const part of element.dataset.goes.split(";")) {
          const [name, value] = [part.slice(0, part.lastIndexOf("=")), part.slice(part.lastIndexOf("=") + 1)];
          const i = controls.findIndex((control) => control.name === name);
          if (i >= 0) setting[i] = Number(value);
        }
        show();
      };
      const guess = controls.some(({ name, kind }) => kind === "click" && element.dataset.goes.startsWith(`${name}=`));
      for (const event of guess ? ["click"] : ["pointerenter", "click", "focus"]) element.addEventListener(event, go);
    }
    show();
    if (caption) keepHeight(caption, said);
  }

  /* the page below a picture stays where it is: its caption is as high as the longest one */
  function keepHeight(caption, said) {
    const longest = [...said].sort((a, b) => b.length - a.length).slice(0, 5);
    const measure = () => {
      const twin = caption.cloneNode();
      twin.style.cssText = "position: absolute; visibility: hidden; min-height: 0";
      twin.style.width = `${caption.clientWidth}px`;
      twin.removeAttribute("aria-live");
      caption.after(twin);
      const heights = longest.map((text) => { twin.textContent = text; return twin.offsetHeight; });
      twin.remove();
      caption.style.minHeight = `${Math.max(...heights)}px`;
    };
    new ResizeObserver(measure).observe(caption.parentElement);
  }

  /* what can be pointed at is reached with the Tab key, and says what it is */
  function wake(figure, svg) {
    const all = [...figure.querySelectorAll("details[data-name]")];
    for (const element of svg.querySelectorAll("[data-opens]"))  // of a still that comes without texts, nothing opens
      if (!all.some((details) => details.dataset.name === element.dataset.opens)) element.removeAttribute("data-opens");
    const hot = svg.querySelectorAll("[data-goes], [data-opens]");
    if (hot.length) svg.setAttribute("role", "group");
    for (const element of hot) {
      element.setAttribute("tabindex", "0");
      element.setAttribute("role", "button");
      const title = element.querySelector("title");
      if (title) element.setAttribute("aria-label", title.textContent);
      element.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        element.dispatchEvent(new Event("click"));
      });
    }
    for (const element of svg.querySelectorAll("[data-opens]"))
      element.addEventListener("click", () => {
        const text = all.find((details) => details.dataset.name === element.dataset.opens);
        all.forEach((details) => (details.open = details === text && !text.open));
        if (text && text.open) text.scrollIntoView({ block: "nearest" });
      });
  }

  function slider(control, i, setting, set, listeners, stop = () => {}) {
    const input = make("input", { type: "range", min: 0, max: control.values.length - 1, step: 1 });
    const output = make("output");
    input.addEventListener("input", () => { stop(); set(i, Number(input.value)); });
    listeners.push(() => {
      input.value = setting[i];
      input.setAttribute("aria-valuetext", control.values[setting[i]]);
      output.textContent = control.values[setting[i]];
    });
    return [make("label", {}, make("span", { textContent: control.name }), input, output)];
  }

  function steps(control, i, setting, set, listeners, caption) {
    const last = control.values.length - 1;
    let clock = null;
    const playing = (on) => {  // a caption that changes with each step would be read aloud without an end
      play.textContent = on ? "pause" : "play";
      play.setAttribute("aria-label", `${control.name}: ${play.textContent}`);
      if (caption) caption.setAttribute("aria-live", on ? "off" : "polite");
    };
    const stop = () => { clearInterval(clock); clock = null; playing(false); };
    const back = make("button", { type: "button", textContent: "◀", title: "one step back" });
    const on = make("button", { type: "button", textContent: "▶", title: "one step on" });
    const play = make("button", { type: "button", textContent: "play" });
    for (const button of [back, on]) button.setAttribute("aria-label", `${control.name}: ${button.title}`);
    back.addEventListener("click", () => { stop(); set(i, setting[i] - 1); });
    on.addEventListener("click", () => { stop(); set(i, setting[i] + 1); });
    play.addEventListener("click", () => {
      if (clock) return stop();
      if (setting[i] === last) set(i, 0);
      playing(true);
      clock = setInterval(() => (setting[i] === last ? stop() : set(i, setting[i] + 1)), Math.max(80, Math.min(1500, 9000 / last)));
    });
    playing(false);
    const buttons = make("span", {}, back, " ", on, " ", play);
    return [buttons, ...slider(control, i, setting, set, listeners, stop)];
  }

  function choice(control, i, setting, set, listeners) {
    const box = make("fieldset", {}, make("legend", { textContent: control.name }));
    control.values.forEach((value, at) => {
      const button = make("button", { type: "button", textContent: value });
      button.addEventListener("click", () => set(i, at));
      listeners.push(() => button.setAttribute("aria-pressed", String(setting[i] === at)));
      box.append(button);
    });
    return [box];
  }

  const start = () => document.querySelectorAll("figure.scene").forEach(scene);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
