"use strict";
(() => {
  const STRENGTH = 0.85; // how much of the picture full relevance covers
  const find = (id) => document.getElementById(id);
  const books = JSON.parse(find("books").textContent);
  const main = find("pictures");
  const cards = [...main.querySelectorAll(".card")];
  const collator = new Intl.Collator("en", { numeric: true });

  // --- what a card holds; read when it is first needed

  const contents = new WeakMap();

  function contentOf(card) {
    if (!contents.has(card)) {
      const content = JSON.parse(card.querySelector("script").textContent);
      for (const map of content.maps) {
        const bytes = Uint8Array.from(atob(map.values), (letter) => letter.charCodeAt(0));
        map.values = new Int16Array(bytes.buffer);
      }
      contents.set(card, content);
    }
    return contents.get(card);
  }

  const chosen = (card) => Number(card.querySelector(".map input:checked").value);

  // --- colours: white at 0, red above, blue below, as strong as the value

  function paint(canvas, content, map, overlaid) {
    const picture = new ImageData(content.width, content.height);
    const words = new Uint32Array(picture.data.buffer);
    const factor = map.scale / map.full;
    for (let i = 0; i < words.length; i++) {
      const share = Math.max(-1, Math.min(1, map.values[i] * factor));
      const size = Math.abs(share);
      if (overlaid) {
        words[i] = (Math.round(255 * STRENGTH * size) << 24) | (share > 0 ? 0x0000ff : 0xff0000);
      } else {
        const rest = Math.round(255 * (1 - size));
        words[i] = (share > 0 ? 0xff0000ff | (rest << 16) | (rest << 8) : 0xffff0000 | (rest << 8) | rest);
      }
    }
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  function paintOverlay(card) {
    const content = contentOf(card);
    paint(card.querySelector(".overlay"), content, content.maps[chosen(card)], true);
  }

  function draw(card) {
    const content = contentOf(card);
    card.querySelectorAll(".heatmap").forEach((canvas, i) => paint(canvas, content, content.maps[i], false));
    paintOverlay(card);
    if (card.querySelector(".ledger[open]")) chart(card);
    card.dataset.drawn = "";
  }

  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        watch.unobserve(target);
        draw(target);
      }
    }
  }, { rootMargin: "300px" });

  // --- the value of a pixel

  const signed = (value) => (value === 0 ? "0" : (value > 0 ? "+" : "\u2212") + Math.abs(value).toPrecision(3));

  function readPixel(card, row, column) {
    const content = contentOf(card);
    const values = content.maps.map((map) => map.values[row * content.width + column] * map.scale);
    card.querySelectorAll(".value").forEach((line, i) => {
      line.textContent = signed(values[i]);
      line.classList.add("read");
    });
    card.querySelector(".where").textContent =
      `row ${row + 1}, column ${column + 1}: ${signed(values[chosen(card)])}`;
    const mark = card.querySelector(".mark");
    mark.hidden = false;
    mark.style.left = `${(100 * column) / content.width}%`;
    mark.style.top = `${(100 * row) / content.height}%`;
    mark.style.width = `${100 / content.width}%`;
    mark.style.height = `${100 / content.height}%`;
    card.dataset.row = row;
    card.dataset.column = column;
  }

  function forgetPixel(card) {
    const content = contentOf(card);
    card.querySelectorAll(".value").forEach((line, i) => {
      line.textContent = `full colour \u00b1${content.maps[i].full.toPrecision(3)}`;
      line.classList.remove("read");
    });
    card.querySelector(".where").textContent = "\u00a0";
    card.querySelector(".mark").hidden = true;
  }

  const within = (value, length) => Math.max(0, Math.min(length - 1, Math.floor(value)));

  function pointed(event) {
    const { width, height } = contentOf(event.currentTarget.closest(".card"));
    const box = event.currentTarget.getBoundingClientRect();
    readPixel(
      event.currentTarget.closest(".card"),
      within(((event.clientY - box.top) / box.height) * height, height),
      within(((event.clientX - box.left) / box.width) * width, width),
    );
  }

  const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  function stepped(event) {
    const card = event.currentTarget.closest(".card");
    if (event.key === "Escape") return forgetPixel(card);
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const { width, height } = contentOf(card);
    const [down, right] = STEPS[event.key].map((step) => step * (event.shiftKey ? 10 : 1));
    const { row = Math.floor(height / 2), column = Math.floor(width / 2) } = card.dataset;
    readPixel(card, within(Number(row) + down, height), within(Number(column) + right, width));
  }

  // --- relevance per layer

  const namespace = find("drawing").namespaceURI;

  function element(name, attributes, ...children) {
    const made = name === "svg" || name === "rect" || name === "line"
      ? document.createElementNS(namespace, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function bars(received, kept, scale, least) {
    const at = (value) => `${100 * (value - least) / scale}%`;
    const bar = (value, kind, y, height) => element("rect", {
      class: kind, x: at(Math.min(0, value)), y, height, width: `${100 * Math.abs(value) / scale}%`, rx: 1,
    });
    return element("svg", { "aria-hidden": "true" },
      bar(received, "received", 2, 6), bar(kept, "kept", 9, 3),
      element("line", { class: "axis", x1: at(0), x2: at(0), y1: 0, y2: 14 }));
  }

  function keepers(columns, row) {
    return columns.map((name, i) => [name, row[i]]).slice(2).filter(([, value]) => value !== 0)
      .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).map(([name, value]) => `${name} ${signed(value)}`).join(", ");
  }

  function chart(card) {
    const map = contentOf(card).maps[chosen(card)];
    const place = card.querySelector(".chart");
    if (!map.ledger) return place.replaceChildren("This map has no ledger.");
    const { layers, rules } = books.presets[map.preset];
    const { rows, start, inputs } = map.ledger;
    const all = [start, inputs, ...rows.flatMap((row) => [row[0], row[0] - row[1]])];
    const least = Math.min(0, ...all);
    const scale = Math.max(0, ...all) - least || 1;
    const line = (name, rule, received, kept, by) => element("tr", {},
      element("th", { scope: "row" }, name), element("td", { class: "rule" }, rule),
      element("td", { class: "bars" }, bars(received, kept, scale, least)),
      element("td", { class: "number" }, signed(received)), element("td", {}, by));
    const head = element("thead", {}, element("tr", {},
      element("th", { scope: "col" }, "Layer"), element("th", { scope: "col" }, "Rule"),
      element("th", { scope: "col" }, element("i", { class: "key" }), "received",
        element("i", { class: "key kept" }), "kept"),
      element("th", { scope: "col", class: "number" }, "Received"), element("th", { scope: "col" }, "Kept by")));
    const body = element("tbody", {}, line("start", "", start, 0, ""),
      ...rows.map((row, i) => line(layers[i], rules[i], row[0], row[0] - row[1], keepers(books.columns, row))),
      line("pixels", "", inputs, 0, ""));
    place.replaceChildren(element("table", {}, head, body));
  }

  // --- filter and sort

  const ORDERS = {
    given: (a, b) => a.dataset.number - b.dataset.number,
    name: (a, b) => collator.compare(a.dataset.name, b.dataset.name),
    class: (a, b) => a.dataset.class - b.dataset.class || b.dataset.score - a.dataset.score,
    falling: (a, b) => b.dataset.score - a.dataset.score,
    rising: (a, b) => a.dataset.score - b.dataset.score,
  };

  function arrange() {
    const words = find("name").value.toLowerCase();
    const wanted = find("class").value;
    const [least, most] = ["least", "most"].map((id) => find(id) && Number(find(id).value));
    for (const id of ["least", "most"]) if (find(id)) find(`${id}-shown`).textContent = `${find(id).value} %`;
    let count = 0;
    for (const card of cards) {
      const percent = 100 * card.dataset.score;
      const sure = least === null || (percent >= least && percent <= most);
      card.hidden = !(sure && (!wanted || card.dataset.class === wanted) && card.dataset.name.toLowerCase().includes(words));
      count += !card.hidden;
    }
    find("count").textContent = `${count} of ${cards.length} shown`;
    find("none").hidden = count > 0 || cards.length === 0;
  }

  function reorder() {
    main.prepend(...[...cards].sort((a, b) => ORDERS[find("order").value](a, b) || ORDERS.given(a, b)));
  }

  // --- light and dark

  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const label = () => find("theme").setAttribute("aria-pressed", isDark());

  find("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  system.addEventListener("change", label);

  // --- the page

  for (const card of cards) {
    watch.observe(card);
    for (const surface of card.querySelectorAll(".pixels, .heatmap")) {
      surface.addEventListener("pointermove", pointed);
      surface.addEventListener("pointerleave", () => forgetPixel(card));
    }
    const pixels = card.querySelector(".pixels");
    pixels.addEventListener("keydown", stepped);
    pixels.addEventListener("blur", () => forgetPixel(card));
    card.querySelector(".blend input").addEventListener("input", (event) => {
      card.style.setProperty("--blend", event.target.value / 100);
    });
    const ledger = card.querySelector(".ledger");
    if (ledger) ledger.addEventListener("toggle", () => ledger.open && chart(card));
    card.querySelector(".maps").addEventListener("change", () => {
      paintOverlay(card);
      if (ledger && ledger.open) chart(card);
    });
  }
  find("tools").addEventListener("input", (event) => (event.target.id === "order" ? reorder() : arrange()));
  find("tools").addEventListener("reset", () => setTimeout(() => { arrange(); reorder(); }));
  find("tools").addEventListener("submit", (event) => event.preventDefault());
  label();
  arrange();
})();
