"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (value) => (typeof value === "number" ? data.texts[value] : value);
  const PLACE = 0, ID = 1, SOURCE = 2, JOB = 3, NODE = 4, OUTCOME = 5, CAUSE = 6, ATTEMPTS = 7, DURATION = 10,
    MESSAGE = 11, TAGS = 12, NAMESPACE = 13, ROWS_ON_SCREEN = 50, ROWS_ON_PAPER = 500;
  const COLUMNS = [ID, OUTCOME, CAUSE, JOB, NODE, ATTEMPTS, DURATION, MESSAGE];
  const NUMBERS = new Set([ATTEMPTS, DURATION]);
  const rows = data.rows.map((row, number) => ({ row, number, haystack: null }));
  const byPlace = new Map(rows.map((entry) => [entry.row[PLACE], entry]));
  const element = (id) => document.getElementById(id);
  const body = element("item-table").tBodies[0];
  const opened = new Set();
  let found = rows, column = null, descending = false, page = 0, rowsAPage = ROWS_ON_SCREEN;

  function make(name, content, className) {
    const made = document.createElement(name);
    if (content !== undefined) made.textContent = content;
    if (className) made.className = className;
    return made;
  }

  function bidi(content) {
    return make("bdi", content);
  }

  function span(seconds) {
    if (seconds === null) return "";
    if (seconds < 9.95) return seconds.toFixed(1) + "s";
    const whole = Math.round(seconds), minutes = Math.floor(whole / 60), two = (number) => String(number).padStart(2, "0");
    if (minutes >= 60) return Math.floor(minutes / 60) + "h" + two(minutes % 60) + "m";
    return minutes ? minutes + "m" + two(whole % 60) + "s" : whole + "s";
  }

  function moment(seconds) {
    const at = new Date(data.start + seconds * 1000).toISOString();
    return at.slice(0, 10) + " " + at.slice(11, 19) + "Z (after " + span(Math.max(0, seconds)) + ")";
  }

  function words(outcome) {
    return outcome.replaceAll("_", " ");
  }

  function shown(entry, index) {
    const value = entry.row[index];
    if (index === DURATION) return span(value);
    if (index === ATTEMPTS) return value ? String(value) : "";
    return index === OUTCOME ? words(text(value)) : text(value);
  }

  function haystackOf(entry) {
    if (entry.haystack === null) {
      entry.haystack = [ID, SOURCE, JOB, NODE, OUTCOME, CAUSE, MESSAGE, TAGS]
        .map((index) => shown(entry, index)).join("\n").toLowerCase();
    }
    return entry.haystack;
  }

  function search() {
    const wanted = element("words").value.toLowerCase().split(/\s+/).filter(Boolean), outcome = element("outcome").value;
    found = rows.filter((entry) => (!outcome || text(entry.row[OUTCOME]) === outcome)
      && wanted.every((word) => haystackOf(entry).includes(word)));
    if (column !== null) sort();
    page = 0;
    show();
  }

  function sort() {
    const value = NUMBERS.has(column) ? (entry) => entry.row[column] : (entry) => shown(entry, column);
    const compare = NUMBERS.has(column)
      ? (one, other) => (one ?? -1) - (other ?? -1)
      : new Intl.Collator("en", { numeric: true }).compare;
    const keyed = found.map((entry) => [value(entry), entry]);
    keyed.sort((one, other) => (descending ? -1 : 1) * compare(one[0], other[0]) || one[1].number - other[1].number);
    found = keyed.map((pair) => pair[1]);
  }

  function sortBy(index) {
    descending = column === index ? !descending : NUMBERS.has(index);
    column = index;
    COLUMNS.forEach((each, number) => {
      const head = element("item-table").tHead.rows[0].cells[number];
      if (each === column) head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    sort();
    page = 0;
    show();
  }

  function show() {
    const pages = Math.max(1, Math.ceil(found.length / rowsAPage));
    page = Math.min(Math.max(page, 0), pages - 1);
    const some = found.slice(page * rowsAPage, (page + 1) * rowsAPage);
    body.replaceChildren(...some.flatMap((entry) => (opened.has(entry) ? [row(entry), details(entry)] : [row(entry)])));
    element("found").textContent = found.length === rows.length
      ? rows.length.toLocaleString("en") + " items"
      : found.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " items";
    element("page").textContent = "Page " + (page + 1).toLocaleString("en") + " of " + pages.toLocaleString("en");
    element("pages").hidden = pages === 1;
    element("previous").disabled = page === 0;
    element("next").disabled = page === pages - 1;
  }

  function row(entry) {
    const made = make("tr"), head = make("th"), button = make("button"), source = text(entry.row[SOURCE]);
    head.scope = "row";
    button.type = "button";
    button.append(bidi(entry.row[ID] + (source ? " (" + source + ")" : "")));
    button.setAttribute("aria-expanded", String(opened.has(entry)));
    button.addEventListener("click", () => toggle(entry, made, button));
    head.append(button);
    made.append(head, ...COLUMNS.slice(1).map((index) => cell(entry, index)));
    return made;
  }

  function cell(entry, index) {
    const made = make("td");
    if (NUMBERS.has(index)) made.className = "number";
    if (index === OUTCOME) made.className = data.tones[text(entry.row[OUTCOME])] || "living";
    if (index === MESSAGE) made.className = "message";
    if ((index === JOB || index === NODE) && text(entry.row[index]).length <= 24) made.className = "short";
    made.append(bidi(shown(entry, index)));
    return made;
  }

  function toggle(entry, tableRow, button) {
    if (opened.delete(entry)) {
      tableRow.nextSibling.remove();
    } else {
      opened.add(entry);
      tableRow.after(details(entry));
    }
    button.setAttribute("aria-expanded", String(opened.has(entry)));
  }

  function details(entry) {
    const made = make("tr", undefined, "details"), inner = make("td");
    inner.colSpan = COLUMNS.length;
    const sections = data.details[entry.number];
    if (!sections) {
      inner.append(make("p", "The details of this item have no room in this file. All about it:"),
        make("code", "dispatchfile status " + data.run + " " + entry.row[ID], "command"));
    }
    for (const [title, fields] of sections || []) {
      if (text(title) && fields.length) inner.append(make("h3", text(title)));
      const list = make("dl");
      list.append(...fields.map((each) => field(entry, each)));
      inner.append(list);
    }
    made.append(inner);
    return made;
  }

  function field(entry, [name, value]) {
    const made = make("div"), content = make("dd"), label = text(name);
    const written = Array.isArray(value) ? moment(value[0]) : text(value);
    made.append(make("dt", label), content);
    content.dir = "auto";
    content.append(written);
    if (label === "child" && data.ui) {
      const link = make("a", "in Nomad's UI");
      link.href = data.ui + "/ui/jobs/" + encodeURIComponent(written.split(" ")[0])
        + "@" + encodeURIComponent(text(entry.row[NAMESPACE]) || "default");
      link.rel = "noreferrer";
      content.append(" ", link);
    }
    return made;
  }

  function open(place) {
    const entry = byPlace.get(place);
    if (!entry) return;
    if (!found.includes(entry)) {
      element("words").value = element("outcome").value = "";
      search();
    }
    opened.add(entry);
    page = Math.floor(found.indexOf(entry) / rowsAPage);
    show();
    const button = body.querySelectorAll("button")[found.indexOf(entry) % rowsAPage];
    button.focus();
    button.scrollIntoView({ block: "center" });
  }

  function resize(count) {
    page = Math.floor((page * rowsAPage) / count);
    rowsAPage = count;
    show();
  }

  function turn(step) {
    page += step;
    show();
    element("items").scrollIntoView();
  }

  COLUMNS.forEach((index, number) => {
    const head = element("item-table").tHead.rows[0].cells[number], button = make("button", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => sortBy(index));
    head.replaceChildren(button);
  });
  for (const outcome of [...new Set(rows.map((entry) => text(entry.row[OUTCOME])))].sort()) {
    const option = make("option", words(outcome));
    option.value = outcome;
    element("outcome").append(option);
  }
  element("item-table").className = "scripted";
  element("search").hidden = false;
  element("search").addEventListener("submit", (event) => event.preventDefault());
  element("words").addEventListener("input", search);
  element("outcome").addEventListener("change", search);
  element("previous").addEventListener("click", () => turn(-1));
  element("next").addEventListener("click", () => turn(1));
  window.addEventListener("beforeprint", () => resize(ROWS_ON_PAPER));
  window.addEventListener("afterprint", () => resize(ROWS_ON_SCREEN));
  for (const line of document.querySelectorAll(".line[data-place]")) {
    line.addEventListener("click", () => open(Number(line.dataset.place)));
  }
  show();
})();
