// A short sound at the end of a run, made here: two notes, up or down.

import { signal } from "@preact/signals";
import { settings } from "../settings";

/** Off until the reader turns it on. */
export const sound = signal(settings.sound ?? false);

/** Plays it once when it is turned on. */
export function setSound(on: boolean): void {
  sound.value = on;
  settings.sound = on;
  playEnd(true);
}

const NOTES_HZ = [660, 880] as const;
const NOTE_SECONDS = 0.16;
const LOUDNESS = 0.12;

/** Silent where the reader has not turned it on, and where the browser plays nothing before a first click. */
export function playEnd(good: boolean): void {
  if (!sound.peek() || !("AudioContext" in window)) return;
  const context = new AudioContext();
  const notes = good ? NOTES_HZ : [...NOTES_HZ].reverse();
  notes.forEach((hertz, index) => {
    const from = context.currentTime + index * NOTE_SECONDS;
    const until = from + NOTE_SECONDS;
    const volume = context.createGain();
    // Begun and ended softly, or it clicks.
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(LOUDNESS, from + 0.02);
    volume.gain.linearRampToValueAtTime(0, until);
    const note = new OscillatorNode(context, { frequency: hertz });
    note.connect(volume).connect(context.destination);
    note.start(from);
    note.stop(until);
    if (index === notes.length - 1) note.addEventListener("ended", () => void context.close());
  });
}
