// Runs before the page's program, and tries again where program or style do not come.
//
// During an upgrade one version's web service sends the page, and the request for the program that
// the page names may go to another version's, which has none of that name. Loaded again, page and
// program come from the same version, sooner or later. This file has no hash in its name: every
// version has it.

// In a function, since it runs as a script and not as a module, which would come too late to see a
// missing style.
(() => {
  const RELOADS = 15;
  const WAIT_MS = 2_000;
  /** How often this tab was loaded again, in vain. */
  const COUNT = "runtail.reloads";

  /** Counts one more; false after enough of them, and if the browser keeps no count: there would be no end. */
  function mayReload(): boolean {
    try {
      const count = Number(sessionStorage.getItem(COUNT));
      sessionStorage.setItem(COUNT, String(count + 1));
      return count < RELOADS;
    } catch {
      return false;
    }
  }

  function forget(): void {
    try {
      sessionStorage.removeItem(COUNT);
    } catch {
      // Not allowed: nothing was kept.
    }
  }

  function button(): HTMLElement {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = "Reload";
    made.addEventListener("click", () => {
      forget();
      location.reload();
    });
    return made;
  }

  function say(missing: string, again: boolean): void {
    const note = document.createElement("p");
    note.className = "problem";
    note.setAttribute("role", "alert");
    note.append(`This page could not load ${new URL(missing).pathname}. `);
    if (again) note.append("The web service may be in the middle of an upgrade. Retrying…");
    else {
      const upgrade = "If the web service is being upgraded, reload when the upgrade is done. ";
      note.append(upgrade, "If not, check that all its replicas run the same version.", button());
    }
    if (/\/runs\/[^/]+$/.test(location.pathname)) {
      const link = document.createElement("a");
      link.href = `${location.pathname}/text`;
      link.textContent = "The log as plain text";
      note.append(" ", link);
    }
    document.body.prepend(note);
  }

  let missing = "";
  // In the capturing phase: these errors do not bubble.
  const failed = ({ target }: Event) => {
    if (target instanceof HTMLScriptElement) missing = target.src;
    else if (target instanceof HTMLLinkElement && target.rel === "stylesheet")
      missing ||= target.href;
  };
  addEventListener("error", failed, true);
  addEventListener("load", () => {
    removeEventListener("error", failed, true);
    if (!missing) return forget();
    const again = mayReload();
    say(missing, again);
    if (again) setTimeout(() => location.reload(), WAIT_MS);
  });
})();
