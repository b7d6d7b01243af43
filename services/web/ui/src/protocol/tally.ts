// What a part of a log amounts to: output, cuts and losses. Pure.

import { type Cut, type Item, isCut } from "./entry";
import { decodeEvent, type End, readEnd } from "./event";

export class Tally {
  /** Output bytes, with those of cuts and losses as far as they are known. */
  bytes = 0;
  cuts: Cut[] = [];
  lost: (readonly [from: number, to: number])[] = [];
  end: End | null = null;

  add(item: Item): void {
    if (isCut(item)) {
      this.cuts.push(item);
      this.bytes += item.bytes;
    } else if (item.type === "o") {
      this.bytes += item.payload.length;
    } else {
      const event = decodeEvent(item);
      if (event.kind === "store-lost") {
        this.lost.push([Number(event["from"]), Number(event["to"])]);
        this.bytes += Number(event["bytes"] ?? 0);
      } else if (event.kind === "end") {
        this.end = readEnd(event);
      }
    }
  }

  /** Put an earlier part in front. */
  prepend(earlier: Tally): void {
    this.bytes += earlier.bytes;
    this.cuts = [...earlier.cuts, ...this.cuts];
    this.lost = [...earlier.lost, ...this.lost];
  }

  /** False if a part of what was cut had been seen before: its bytes cannot be told apart then. */
  get cutIsExact(): boolean {
    const [cut, ...more] = this.cuts;
    if (cut === undefined) return true;
    const said = this.end?.cut;
    return more.length === 0 && cut.from === said?.[0] && cut.to === said[1];
  }
}
