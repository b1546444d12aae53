// Creates elements. Children are nodes or text, never markup, so no text of the data can become an element.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "color") element.style.setProperty("--color", value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Makes a group of elements one stop of the Tab key. Arrow keys, Home and End move within the group.
function rove(items) {
  items.forEach((item, index) => {
    item.setAttribute("tabindex", index ? "-1" : "0");
    item.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
      const ends = { Home: 0, End: items.length - 1 };
      if (!(event.key in steps) && !(event.key in ends)) return;
      event.preventDefault();
      const next = event.key in ends ? ends[event.key] : (index + steps[event.key] + items.length) % items.length;
      items.forEach((other, position) => other.setAttribute("tabindex", position === next ? "0" : "-1"));
      items[next].focus();
    });
  });
}
