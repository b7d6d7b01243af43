// Python's tracebacks: libraries' frames are told from the user's, and what they ended in is found.

import { describe, expect, test } from "vitest";
import { endedIn, isLibraryFrame } from "../src/log/model/traceback";

const TRACEBACK = `\
Traceback (most recent call last):
  File "/srv/.venv/lib/python3.12/site-packages/celery/app/trace.py", line 453, in trace_task
    R = retval = fun(*args, **kwargs)
                 ^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/tasks.py", line 12, in load
    return json.loads(text)
           ^^^^^^^^^^^^^^^^
  File "/usr/lib/python3.12/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
  File "<frozen importlib._bootstrap>", line 1387, in _gcd_import
  File "lib/python3/thing.py", line 1, in mine
    boom()
    ~~~~^^
json.decoder.JSONDecodeError: Expecting value
    indented afterwards`.split("\n");

function stored(lines: readonly string[]) {
  return { get: (line: number) => lines[line - 1] };
}

describe("tracebacks", () => {
  test("frames of libraries, their source and its marks", () => {
    const library = TRACEBACK.map((_, index) => isLibraryFrame(stored(TRACEBACK), index + 1));
    expect(library.flatMap((is, index) => (is ? [index + 1] : []))).toEqual([2, 3, 4, 8, 9, 10]);
  });

  test.each([
    ['  File "/usr/lib/python3/dist-packages/yaml/__init__.py", line 1, in load', true],
    ['  File "C:\\Python312\\Lib\\json\\decoder.py", line 1, in decode', true],
    ['  File "C:\\app\\.venv\\Lib\\site-packages\\celery\\app\\trace.py", line 1, in f', true],
    ['  |   File "/usr/local/lib/python3.12/asyncio/tasks.py", line 1, in f', true],
    ['\u001b[31m  File "/usr/local/lib/python3.12/asyncio/tasks.py", line 1, in f\u001b[0m', true],
    ['  File "/home/me/library/tasks.py", line 1, in f', false],
    ['  File "/srv/celery/tasks.py", line 1, in f', false],
    ['File "/usr/lib/python3.12/json/decoder.py", line 1, in f', false],
    ["    indented", false],
    ["", false],
  ])("%s: %s", (line, library) => {
    expect(isLibraryFrame(stored([line]), 1)).toBe(library);
  });

  test("source is looked for no further than it can be", () => {
    const many = [TRACEBACK[1] ?? "", ...Array.from({ length: 20 }, () => "        deep")];
    expect(isLibraryFrame(stored(many), 4)).toBe(true);
    expect(isLibraryFrame(stored(many), 12)).toBe(false);
  });

  test("what it ended in", () => {
    expect(endedIn(stored(TRACEBACK), 1)).toBe("json.decoder.JSONDecodeError: Expecting value");
    expect(endedIn(stored(TRACEBACK), 2)).toBe("");
    expect(endedIn(stored(TRACEBACK.slice(0, 5)), 1)).toBe("");
  });
});
