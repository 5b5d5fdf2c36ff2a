// One picture and what was found in it: drawn here, so that modes, opacity and highlights need no answer of the server.
const MODES = [
  ["side", "Side by side"],
  ["blink", "Blink"],
  ["overlay", "Overlay"],
  ["mask", "Mask"],
  ["outlines", "Outlines"],
];
const COLUMNS = ["no.", "class", "confidence", "area", "length"];
const BLINK_MS = 800;
const DARK = [17, 20, 24];
const viewers = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".viewer");
  let viewer = viewers.get(root);
  if (!viewer) {
    viewer = create(root);
    viewers.set(root, viewer);
  }
  viewer.show(component.data);
  return () => viewer.stop();
}

function create(root) {
  const find = (what) => root.querySelector(what);
  const state = {
    mode: root.clientWidth && root.clientWidth < 560 ? "overlay" : "side",
    opacity: 0.45, sort: 0, down: false, over: 0, picked: 0, hidden: false, timer: 0,
    data: null, photo: null, numbers: null, edges: null, loads: 0,
  };
  const before = find(".before canvas"), after = find(".after canvas");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  MODES.forEach(([name, words]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.dataset.mode = name;
    button.setAttribute("role", "radio");
    button.onclick = () => setMode(name);
    find(".modes").append(button);
  });
  find(".modes").onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = MODES.findIndex(([name]) => name === state.mode);
    setMode(MODES[(at + step + MODES.length) % MODES.length][0]);
    find(`[data-mode="${state.mode}"]`).focus();
  };
  find(".opacity input").oninput = (event) => {
    state.opacity = event.target.value / 100;
    draw();
  };
  after.onpointermove = (event) => hover(numberAt(event));
  after.onpointerleave = () => hover(0);
  after.onclick = (event) => (state.mode === "blink" && calm ? flip() : pick(numberAt(event)));
  after.onkeydown = (event) => {
    const count = state.data.rows.length;
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === " " && state.mode === "blink") flip();
    else if (event.key === "Escape") pick(0);
    else if (step && count) pick(((state.picked - 1 + step + count) % count) + 1 || 1);
    else return;
    event.preventDefault();
  };

  function setMode(name) {
    state.mode = name;
    clearInterval(state.timer);
    state.hidden = false;
    if (name === "blink" && !calm) state.timer = setInterval(flip, BLINK_MS);
    root.querySelectorAll(".modes button").forEach((one) => {
      const mine = one.dataset.mode === name;
      one.setAttribute("aria-checked", mine);
      one.tabIndex = mine ? 0 : -1;
    });
    find(".panes").classList.toggle("single", name !== "side");
    const tinted = name === "side" || name === "blink" || name === "overlay";
    find(".opacity").classList.toggle("off", !tinted);
    find(".opacity input").disabled = !tinted;
    draw();
  }

  function flip() {
    state.hidden = !state.hidden;
    draw();
  }

  function numberAt(event) {
    if (!state.numbers) return 0;
    const box = after.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * after.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * after.height);
    const inside = x >= 0 && y >= 0 && x < after.width && y < after.height;
    return inside ? state.numbers[y * after.width + x] : 0;
  }

  function hover(number) {
    if (number === state.over) return;
    state.over = number;
    mark();
  }

  function pick(number) {
    state.picked = number === state.picked ? 0 : number;
    mark();
    if (!state.picked) return;
    const row = find(`tr[data-number="${number}"]`);
    const rows = find(".rows");
    if (row && (row.offsetTop < rows.scrollTop + 40 || row.offsetTop + row.offsetHeight > rows.scrollTop + rows.clientHeight))
      rows.scrollTop = row.offsetTop - 60;
  }

  function mark() {
    root.querySelectorAll("tbody tr").forEach((row) => {
      const number = Number(row.dataset.number);
      row.classList.toggle("over", number === state.over);
      row.setAttribute("aria-selected", number === state.picked);
    });
    say();
    draw();
  }

  function say() {
    const one = state.data && state.data.rows[(state.over || state.picked) - 1];
    const hint = state.mode === "blink" && calm ? "Space or a click changes between original and finding." : "";
    find(".said").textContent = one
      ? `${one.number} · ${one.called}, confidence ${one.confidence}, ${one.area}, ${one.length} long${one.cut ? "; it may go on beyond the edge" : ""}`
      : hint || (state.data && state.data.rows.length ? "Point at an object, or choose a row, to see which is which." : "");
  }

  function draw() {
    if (!state.photo || !state.data) return;
    const { width, height } = state.photo;
    paintPhoto(before, width, height);
    after.width = width;
    after.height = height;
    const context = after.getContext("2d");
    context.putImageData(state.hidden ? state.photo : compose(width, height), 0, 0);
    find(".after figcaption").textContent = caption();
    const count = state.data.rows.length;
    after.setAttribute("aria-label", `${caption()}: ${count} ${count === 1 ? "object" : "objects"} in ${state.data.name}`);
    before.setAttribute("aria-label", `Original: ${state.data.name}`);
  }

  function caption() {
    if (state.mode === "blink") return state.hidden ? "Original" : "What was found";
    return { side: "What was found", overlay: "What was found", mask: "Mask alone", outlines: "Outlines" }[state.mode];
  }

  function paintPhoto(canvas, width, height) {
    if (state.mode !== "side") return;
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").putImageData(state.photo, 0, 0);
  }

  function compose(width, height) {
    const picture = new ImageData(width, height);
    const source = state.photo.data, target = picture.data;
    const colours = state.data.rows.map((row) => row.colour);
    const chosen = state.over || state.picked;
    const only = state.mode === "mask";
    const veil = state.mode === "outlines" ? 0 : state.opacity;
    for (let i = 0, at = 0; i < state.numbers.length; i++, at += 4) {
      const number = state.numbers[i];
      const colour = number && colours[number - 1];
      let share = 0;
      if (colour) {
        share = only || state.edges[i] ? 1 : veil;
        if (chosen && number !== chosen) share *= 0.45;
        if (chosen && number === chosen && !state.edges[i] && !only) share = Math.min(1, veil + 0.25);
      }
      const bright = colour && chosen === number && state.edges[i];
      for (let c = 0; c < 3; c++) {
        const ground = only ? DARK[c] : source[at + c];
        const ink = bright ? 255 : colour ? colour[c] : 0;
        target[at + c] = ground + (ink - ground) * share;
      }
      target[at + 3] = 255;
    }
    return picture;
  }

  function fill() {
    const rows = find(".rows");
    rows.replaceChildren();
    if (!state.data.rows.length) {
      const words = document.createElement("p");
      words.className = "empty";
      words.textContent = state.data.empty;
      rows.append(words);
      return;
    }
    const table = document.createElement("table");
    table.setAttribute("aria-label", "Objects found");
    table.append(head(), body());
    rows.append(table);
    if (state.data.more) {
      const words = document.createElement("p");
      words.className = "empty";
      words.textContent = state.data.more;
      rows.append(words);
    }
  }

  function head() {
    const line = document.createElement("tr");
    COLUMNS.forEach((name, at) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      if (at === state.sort) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name + (at === state.sort ? (state.down ? " ↓" : " ↑") : "");
      button.onclick = () => {
        state.down = at === state.sort ? !state.down : at > 1;
        state.sort = at;
        fill();
        mark();
        find(`th:nth-child(${at + 1}) button`).focus();
      };
      cell.append(button);
      line.append(cell);
    });
    const part = document.createElement("thead");
    part.append(line);
    return part;
  }

  function body() {
    const key = ["number", "called", "score", "area_value", "length_value"][state.sort];
    const compare = (a, b) => (typeof a[key] === "string" ? a[key].localeCompare(b[key]) : a[key] - b[key]);
    const rows = [...state.data.rows].sort((a, b) => (state.down ? compare(b, a) : compare(a, b)));
    const part = document.createElement("tbody");
    rows.forEach((one) => {
      const line = document.createElement("tr");
      line.dataset.number = one.number;
      line.tabIndex = 0;
      const patch = document.createElement("i");
      patch.style.background = `rgb(${one.colour.join(" ")})`;
      [one.number, one.called, one.confidence, one.area, one.length].forEach((value, at) => {
        const cell = document.createElement("td");
        if (at === 1) cell.append(patch);
        cell.append(String(value));
        line.append(cell);
      });
      line.onclick = () => pick(one.number);
      line.onpointerenter = () => hover(one.number);
      line.onpointerleave = () => hover(0);
      line.onkeydown = (event) => {
        const next = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling }[event.key];
        if (event.key === "Enter" || event.key === " ") pick(one.number);
        else if (next) next.focus();
        else return;
        event.preventDefault();
      };
      part.append(line);
    });
    return part;
  }

  async function show(data) {
    const load = ++state.loads;
    const [photo, numbers] = await Promise.all([decode(data.photo, data), decode(data.numbers, data)]);
    if (load !== state.loads) return;
    const other = !state.data || state.data.key !== data.key;
    state.data = data;
    state.photo = photo;
    state.numbers = new Uint16Array(data.width * data.height);
    for (let i = 0; i < state.numbers.length; i++) state.numbers[i] = numbers.data[4 * i] + 256 * numbers.data[4 * i + 1];
    state.edges = edgesOf(state.numbers, data.width, data.height);
    state.over = 0;
    if (other || state.picked > data.rows.length) state.picked = 0;
    fill();
    setMode(state.mode);
    mark();
  }

  return { show, stop: () => clearInterval(state.timer) };
}

// Drawn at the size of the numbers, each pixel of a small image staying a square.
async function decode(url, size) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = image.naturalWidth > size.width;
  context.drawImage(image, 0, 0, size.width, size.height);
  return context.getImageData(0, 0, size.width, size.height);
}

// Two pixels along every border of an object.
function edgesOf(numbers, width, height) {
  const edges = new Uint8Array(numbers.length);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const own = numbers[i];
      if (!own) continue;
      const left = x > 1 ? numbers[i - 2] : own, right = x < width - 2 ? numbers[i + 2] : own;
      const up = y > 1 ? numbers[i - 2 * width] : own, down = y < height - 2 ? numbers[i + 2 * width] : own;
      edges[i] = left !== own || right !== own || up !== own || down !== own ? 1 : 0;
    }
  return edges;
}
