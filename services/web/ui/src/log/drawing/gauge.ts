// Measures how high a row of one line is: an element of one digit, which nobody sees.

export class Gauge {
  readonly element = document.createElement("div");

  constructor() {
    this.element.className = "gauge";
    this.element.setAttribute("aria-hidden", "true");
    this.element.append("0");
  }

  /** 0 while it is not shown. */
  get rowPx(): number {
    // A little less than what a whole number may come out as.
    return Math.ceil(this.element.getBoundingClientRect().height - 0.05);
  }
}
