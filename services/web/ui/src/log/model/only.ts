// Some lines of a log and nothing else, a row each. Pure.

export class Only {
  /** In order. */
  readonly lines: readonly number[];

  constructor(lines: readonly number[]) {
    this.lines = lines;
  }

  get count(): number {
    return this.lines.length;
  }

  /** The line of a row, or of the last one. */
  at(row: number): number {
    return this.lines[Math.min(row, this.lines.length - 1)] ?? 1;
  }

  /** The row of a line, or of the next one that is shown. */
  rowOf(line: number): number {
    return Math.max(0, Math.min(this.#from(line), this.lines.length - 1));
  }

  has(line: number): boolean {
    return this.lines[this.#from(line)] === line;
  }

  /** Those from one line to another, which may lie between them. */
  between(first: number, last: number): readonly number[] {
    return this.lines.slice(this.#from(first), this.#from(last + 1));
  }

  #from(line: number): number {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.lines[middle] ?? 0) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
