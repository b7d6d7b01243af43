// An icon as an element, for what is not drawn by preact: the rows of a log.

import { ICONS, type IconName } from "./icons";

const SVG = "http://www.w3.org/2000/svg";

export function drawnIcon(name: IconName): SVGElement {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  for (const [tag, attributes] of ICONS[name]) {
    const part = document.createElementNS(SVG, tag);
    for (const [attribute, value] of Object.entries(attributes))
      part.setAttribute(attribute, String(value));
    icon.append(part);
  }
  return icon;
}
