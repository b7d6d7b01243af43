// Rows that wrap are measured when they are drawn, and move each other: how many frames that takes depends on them.

/** In so many frames one after the other, all rows stand at the same place. */
const FRAMES = 4;
/** They are not waited for longer than this many frames. */
const MOST_FRAMES = 120;

/** Call `then` when there are rows with their texts, and they move no more. */
export function whenSteady(scroller: HTMLElement, then: () => void): void {
  let before = "";
  let same = 0;
  let frames = 0;
  const look = () => {
    const rows = [...scroller.querySelectorAll(".row")];
    const now = rows.map((row) => row.getBoundingClientRect().top).join();
    const whole = now !== "" && scroller.querySelector(".row.hole") === null;
    same = whole && now === before ? same + 1 : 0;
    before = now;
    frames += 1;
    if (same >= FRAMES || frames >= MOST_FRAMES) then();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
