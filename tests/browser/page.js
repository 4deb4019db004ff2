// Runs inside JupyterLab or Notebook 7: sees what a reader sees. Everything hangs on window.dgm.
(() => {
  if (window.dgm) return;
  const dgm = (window.dgm = { errors: new Set(), lastMessage: 0, input: null });
  const now = () => performance.now();
  const OUT = ".jp-OutputArea-output ";
  const all = (selector, root = dgm.notebook()) => [...root.querySelectorAll(selector)];
  const visible = (node) => node.getBoundingClientRect().width > 0 && node.getBoundingClientRect().height > 0;

  // --- the notebook and its kernel
  dgm.panel = () => window.jupyterapp.shell.currentWidget;
  dgm.notebook = () => dgm.panel().content.node;
  dgm.kernel = () => dgm.panel().sessionContext.session?.kernel;
  dgm.listen = () => {
    dgm.kernel().anyMessage.connect((_, { msg }) => {
      dgm.lastMessage = now();
      const { header, content } = msg;
      // an exception in a widget's callback belongs to no cell: only this message tells of it
      if (header.msg_type === "error") dgm.errors.add(`${content.ename}: ${content.evalue}`);
      if (header.msg_type === "stream" && /Traceback|Error:/.test(content.text)) dgm.errors.add(content.text);
    });
    const alerts = () => all(`${OUT}[role=alert]`).forEach((node) => dgm.errors.add(`alert: ${node.innerText}`));
    new MutationObserver(alerts).observe(dgm.notebook(), { subtree: true, childList: true }); // also those that go again
  };
  dgm.run = () => {
    dgm.ran = null;
    const done = (word) => () => (dgm.ran = word);
    window.jupyterapp.commands.execute("notebook:run-all-cells").then(done("done"), done("failed"));
  };
  dgm.idle = () => dgm.kernel()?.status === "idle";
  dgm.until = (condition, timeout) =>
    new Promise((resolve) => {
      const start = now();
      const look = () => {
        if (condition()) resolve(true);
        else if (now() - start > timeout) resolve(false);
        else setTimeout(look, 15);
      };
      look();
    });
  dgm.settled = (quiet, timeout) => dgm.until(() => dgm.idle() && now() - dgm.lastMessage > quiet && !pending(), timeout);

  // --- pictures: what is drawn, and whether any frame lacks it
  const pictures = () =>
    all(["img", "canvas", "svg", ".widget-html-content table"].map((s) => OUT + s).join(",")).filter(
      (node) => visible(node) && !node.closest("button")
    );
  const pending = () => pictures().some((node) => node.tagName === "IMG" && !node.complete);
  const drawn = () => pictures().filter((node) => node.tagName !== "IMG" || (node.complete && node.naturalWidth > 0));
  const hash = (values) => {
    let h = 2166136261;
    for (let i = 0; i < values.length; i++) h = Math.imul(h ^ values[i], 16777619);
    return h >>> 0;
  };
  const pixels = (node) => {
    if (node.naturalWidth === 0) return []; // a broken image
    const canvas = document.createElement("canvas");
    canvas.width = node.naturalWidth || node.width;
    canvas.height = node.naturalHeight || node.height;
    const context = canvas.getContext("2d");
    context.drawImage(node, 0, 0);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };
  const text = (node) => Array.from(node.outerHTML, (c) => c.codePointAt(0));
  dgm.signature = () =>
    pictures().map((node) => {
      const raster = ["IMG", "CANVAS"].includes(node.tagName);
      return `${node.tagName} ${hash(raster ? pixels(node) : text(node))}`;
    });
  const face = (node) => // as telling as the pixels, and cheap enough for every frame: a PNG ends in its checksums
    node.tagName === "IMG" ? node.src.slice(-64) : node.tagName === "CANVAS" ? hash(pixels(node)) : node.outerHTML;

  for (const type of ["keydown", "pointermove", "click", "input"])
    document.addEventListener(type, (event) => (dgm.input ??= event.timeStamp), true);

  // Look at every frame from now on: when did a picture first change, was one ever missing?
  dgm.watch = () => {
    const before = drawn().length;
    const watch = (dgm.watching = { frames: 0, blank: 0, changes: 0, first: null, last: null, live: true });
    let seen = pictures().map(face).join();
    dgm.input = null;
    const painted = new MessageChannel();
    painted.port1.onmessage = () => {
      watch.last = now();
      watch.first ??= watch.last;
    };
    const frame = () => {
      if (!watch.live) return;
      watch.frames++;
      if (drawn().length < before) watch.blank++;
      const faces = pictures().map(face).join();
      if (faces !== seen) {
        watch.changes++;
        painted.port2.postMessage(0); // comes back after this frame is painted
      }
      seen = faces;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };
  // Wait until a picture changed and all is quiet (`answer`: or until none can be expected), then say what was seen.
  dgm.seen = async (quiet, answer) => {
    const watch = dgm.watching;
    const done = now();
    const rest = () => {
      const still = now() - Math.max(watch.last, dgm.lastMessage, done);
      return dgm.idle() && still > (watch.first === null ? answer : quiet);
    };
    await dgm.until(rest, 30_000);
    watch.live = false;
    const wait = watch.first === null || dgm.input === null ? null : watch.first - dgm.input;
    return { frames: watch.frames, blank: watch.blank, changes: watch.changes, milliseconds: wait };
  };

  // --- controls
  dgm.mark = () => {
    const handles = all(`${OUT}.noUi-handle, ${OUT}input[type=range]`).filter(visible);
    return handles.map((node, i) => {
      node.dataset.dgmSlider = i;
      const label = node.closest(".jupyter-widgets")?.querySelector(".widget-label")?.textContent;
      const outputs = all(".jp-Cell-outputArea");
      const home = outputs.findIndex((area) => area.contains(node));
      const off = Boolean(node.disabled || node.closest(".noUi-target")?.hasAttribute("disabled"));
      return { index: i, label: label || node.getAttribute("aria-label") || `slider ${i + 1}`, area: home, off };
    });
  };
  const slider = (i) => all(`[data-dgm-slider="${i}"]`)[0];
  dgm.range = (i) => {
    const node = slider(i);
    const track = node.closest(".noUi-target") ?? node;
    if (!track.noUiSlider) return { value: +node.value, low: +node.min, high: +node.max };
    const { min, max } = track.noUiSlider.options.range;
    const values = [track.noUiSlider.get(true)].flat();
    return { value: +values[+(node.dataset.handle ?? 0)], low: [min].flat()[0], high: [max].flat()[0] };
  };
  dgm.track = (i) => {
    const { x, y, width, height } = (slider(i).closest(".noUi-target") ?? slider(i)).getBoundingClientRect();
    return { x, y, width, height };
  };
  dgm.areas = () => all(".jp-Cell-outputArea");

  // --- what is said
  dgm.failures = () => {
    const found = [...dgm.errors];
    for (const node of all(".jp-OutputArea-output"))
      if (/Error displaying widget|Failed to load model class/.test(node.textContent)) found.push(node.textContent);
    return found;
  };
  const says = (words) => words?.trim() && words !== "Image"; // JupyterLab's own words for a picture without any
  dgm.nameless = () =>
    all(`.jp-RenderedMarkdown img, ${["img", "svg", "canvas"].map((s) => OUT + s).join(",")}`)
      .filter((node) => visible(node) && !node.closest("button, [aria-hidden=true]"))
      .filter((node) => !["alt", "aria-label", "aria-labelledby"].some((name) => says(node.getAttribute(name))))
      .map((node) => `<${node.tagName.toLowerCase()}> ${node.outerHTML.slice(0, 80)}`);
  dgm.headings = () =>
    all("h1, h2, h3, h4, h5, h6")
      .filter(visible)
      .map((node) => [+node.tagName[1], node.textContent.slice(0, 60)]);

  // --- contrast of our own HTML, text against what lies behind it (WCAG 2.2, 1.4.3)
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
  const behind = (node) => {
    const layers = [];
    for (let n = node; n; n = n.parentElement) {
      layers.push(rgba(getComputedStyle(n).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  dgm.contrast = (least) => {
    const found = new Set();
    for (const root of all(`${OUT}.widget-html-content, .jp-RenderedHTML.jp-OutputArea-output`)) {
      const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      for (let word = walk.nextNode(); word; word = walk.nextNode()) {
        const node = word.parentElement;
        if (!word.data.trim() || !visible(node) || node.closest("script, style")) continue;
        const style = getComputedStyle(node);
        const under = behind(node);
        const ink = over(rgba(node.closest("svg") ? style.fill : style.color), under);
        const [dark, light] = [luminance(ink), luminance(under)].sort((a, b) => a - b);
        const ratio = (light + 0.05) / (dark + 0.05);
        if (ratio < least) found.add(`${ratio.toFixed(1)}:1 for "${word.data.trim().slice(0, 40)}"`);
      }
    }
    return [...found];
  };
})();
