// Numbers in words. Pure.

/** `48211` as `48,211`, the same for every reader. */
export function withCommas(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
