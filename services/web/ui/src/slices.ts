// Long work in short slices, so that it never blocks a frame. It is written as a
// generator that pauses wherever it may be interrupted.

/** So long a slice may take: half a frame. */
export const SLICE_MS = 8;

/** Do all of it now. */
export function runToEnd<T>(work: Generator<void, T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

/** Do it in slices, and let the page have its turn between them. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  let until = performance.now() + SLICE_MS;
  let step = work.next();
  while (!step.done) {
    if (performance.now() >= until) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      until = performance.now() + SLICE_MS;
    }
    step = work.next();
  }
  return step.value;
}
