// Elements, numbers and days.

export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, children = []) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** 1234.5 and "USD" as people write it here; other units behind the number. */
export function number(value, unit = "") {
  const amount = Number(value);
  const digits = Math.abs(amount) >= 1000 || Number.isInteger(amount) ? 0 : 2;
  if (/^[A-Z]{3}$/.test(unit)) {
    return amount.toLocaleString(undefined, { style: "currency", currency: unit });
  }
  const plain = amount.toLocaleString(undefined, { maximumFractionDigits: digits });
  return unit ? `${plain} ${unit}` : plain;
}

export const day = (value) => new Date(value).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric", timeZone: "UTC" });
/** A step by the name of its length: "Jan 2026", "Q1 2026", "2026". */
export function step(at, bucket) {
  const start = new Date(at);
  if (bucket === "YEAR") return String(start.getUTCFullYear());
  if (bucket === "QUARTER") return `Q${Math.floor(start.getUTCMonth() / 3) + 1} ${start.getUTCFullYear()}`;
  return bucket === "MONTH" ? start.toLocaleDateString(undefined, { year: "numeric", month: "short", timeZone: "UTC" }) : day(start);
}
export const moment = (value) => new Date(value).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const words = (name) => name.toLowerCase().replaceAll("_", " ");

/** A form whose submit runs `act` with its fields; what goes wrong is said below the button. */
export function form(fields, label, act) {
  const problem = h("p", { class: "error", role: "alert" });
  const button = h("button", { type: "submit" }, label);
  return h(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        button.disabled = true;
        problem.textContent = "";
        try {
          await act(Object.fromEntries(new FormData(event.target)));
        } catch (error) {
          problem.textContent = error.message;
        } finally {
          button.disabled = false;
        }
      },
    },
    ...fields,
    button,
    problem,
  );
}

export const field = (label, attributes) => h("label", {}, label, h("input", attributes));
export const choice = (label, name, options) =>
  h("label", {}, label, h("select", { name }, ...options.map(([value, text]) => h("option", { value }, text))));
