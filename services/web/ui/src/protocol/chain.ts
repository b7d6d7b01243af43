// The hash chain: d(0) = 32 zero bytes, d(k) = SHA-256(d(k-1) + type + payload).
// Plain JavaScript, because WebCrypto is absent on plain http.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

/** The digest before the first entry of every log. */
export const GENESIS = "0".repeat(64);

const OUTPUT = Uint8Array.of("o".charCodeAt(0));
const EVENT = Uint8Array.of("e".charCodeAt(0));

/** The digest after one more entry, as 64 hex digits. */
export function link(previous: string, type: "o" | "e", payload: Uint8Array): string {
  const digest = sha256
    .create()
    .update(hexToBytes(previous))
    .update(type === "o" ? OUTPUT : EVENT)
    .update(payload)
    .digest();
  return bytesToHex(digest);
}
