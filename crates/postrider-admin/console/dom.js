// Elements from values. Text goes in as text, always: there is no way here to pass markup, so that what strangers wrote
// can't become any; and what can't be seen is made visible, so that it can't pass for something else. The tests look for the
// ways around it in all other files.

const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onpointermove", "onpointerleave", "onclose", "onkeydown"];
const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes by name, handlers as `on…`, `key` to be found again by, then children: nodes, texts, lists. */
export function el(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function svg(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) set(node, name, value);
  node.append(...nodesOf(children));
  return node;
}

function nodesOf(children) {
  const shown = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return shown.map((child) => (child instanceof Node ? child : document.createTextNode(cut(String(child)))));
}

function set(node, name, value) {
  if (name.startsWith("on")) node[name] = value;
  else if (name === "key") node.key = value;
  else if (name === "value" || name === "checked" || name === "indeterminate") node[name] = value ?? "";
  else if (value === true) node.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, visible(String(value)));
}

/** Puts `nodes` into `parent`, changing as little as it can: focus, selection and what was typed stay. */
export function show(parent, ...nodes) {
  const wanted = nodesOf(nodes);
  const stay = new Set(wanted.map((node) => node.key));
  const keyed = new Map();
  for (const node of [...parent.childNodes]) {
    if (node.key === undefined) continue;
    // To move what stays would take the focus from it, so what goes makes room first.
    if (stay.has(node.key)) keyed.set(node.key, node);
    else node.remove();
  }
  wanted.forEach((next, at) => {
    const here = parent.childNodes[at] ?? null;
    const old = next.key === undefined ? here : (keyed.get(next.key) ?? here);
    if (old && old !== here) parent.insertBefore(old, here);
    if (old && isSame(old, next)) update(old, next);
    else if (old && (old.key === undefined || next.key === undefined)) old.replaceWith(next);
    else parent.insertBefore(next, parent.childNodes[at] ?? null);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

function isSame(old, next) {
  return old.nodeName === next.nodeName && old.nodeType === next.nodeType && old.key === next.key && old.type === next.type;
}

function update(old, next) {
  if (old === next) return;
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // Whether details are open is up to whoever looks at them.
    if (!next.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value && !(name === "open" && old.nodeName === "DETAILS")) old.setAttribute(name, value);
  }
  for (const name of HANDLERS) if (old[name] !== next[name]) old[name] = next[name];
  if (next.type === "checkbox" || next.type === "radio") {
    old.checked = next.checked;
    old.indeterminate = next.indeterminate;
  }
  if (old.nodeName === "PROGRESS" || next.type === "range") old.value = next.value;
  // What is typed belongs to the person; fields are drawn anew under another key.
  if (old.nodeName !== "TEXTAREA") show(old, ...next.childNodes);
  if (old.nodeName === "SELECT") old.value = next.value;
}

/** Longest text that is shown whole. */
const MOST_SHOWN = 8000;

/** What a stranger wrote: its direction ends with it. */
export const foreign = (text, most = MOST_SHOWN) => el("bdi", { class: "foreign" }, cut(String(text ?? ""), most));

function cut(text, most = MOST_SHOWN) {
  const more = text.length > most ? ` … (${text.length.toLocaleString("en")} characters)` : "";
  return visible(text.slice(0, most)) + more;
}

/** Control characters, and those that hide or turn text, as their numbers. */
function visible(text) {
  const number = (char) => `\\u{${char.codePointAt(0).toString(16)}}`;
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\ud834[\udd73-\udd7a]|\udb40[\udc00-\udc7f]/g, number);
}
