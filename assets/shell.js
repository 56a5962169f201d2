// What the shell does in the browser without asking Python: move between the screens, remember which one is open, light and
// dark, copying, and which folds are open. No request is made here.
(() => {
  "use strict";
  const STATIONS = ["start", "data", "train", "evaluate", "chat", "ship"];
  const THEME = "tunedesk-theme";
  // Of the studio's own tabs, not of tabs inside a screen.
  const TAB = "#td-tabs > .tab-wrapper button[data-tab-id";
  const LOST =
    "The studio does not answer; perhaps it was closed. Start it again and this page goes on by itself. " +
    "Training is not affected, and nothing that was saved is lost.";
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  const stationInAddress = () => {
    const name = window.location.hash.slice(1);
    return STATIONS.includes(name) ? name : "start";
  };

  /** Marks the open screen in the rail, in the head and for screen readers. */
  const mark = (station) => {
    if (document.body.dataset.tab !== station) document.body.dataset.tab = station;
    const name = station === "start" ? "Tunedesk" : `${station[0].toUpperCase()}${station.slice(1)} · Tunedesk`;
    if (document.title !== name) document.title = name;
    for (const button of document.querySelectorAll("#td-nav [data-tab]")) {
      const here = button.dataset.tab === station;
      if (here !== (button.getAttribute("aria-current") === "page")) {
        here ? button.setAttribute("aria-current", "page") : button.removeAttribute("aria-current");
      }
    }
  };

  /** Opens a screen by pressing the tab's own button, so that Gradio loads it as ever. */
  const open = (station, { remember = true } = {}) => {
    const button = document.querySelector(`${TAB}="${station}"]`);
    if (!button) return;
    if (button.getAttribute("aria-selected") !== "true") button.click();
    if (remember && stationInAddress() !== station) history.pushState(null, "", `#${station}`);
    mark(station);
    window.scrollTo({ top: 0 });
  };

  const isDark = () => document.body.classList.contains("dark");

  const paintTheme = () => {
    const chosen = localStorage.getItem(THEME);
    document.body.classList.toggle("dark", chosen ? chosen === "dark" : system.matches);
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const words = isDark() ? "Go light" : "Go dark";
      if (button.textContent !== words) button.textContent = words;
    }
  };

  const toggleTheme = () => {
    const next = isDark() ? "light" : "dark";
    // Choosing what the system says anyway means following the system again.
    if ((next === "dark") === system.matches) localStorage.removeItem(THEME);
    else localStorage.setItem(THEME, next);
    paintTheme();
  };

  const copy = async (button) => {
    const text = button.parentElement.querySelector("pre").textContent;
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  };

  /** A fault that comes back with every tick is told once while its notice is open; a lost studio in our words. */
  const mergeNotices = () => {
    const told = new Set();
    for (const item of document.querySelectorAll(".toast-message-item")) {
      const text = item.querySelector(".toast-message-text");
      if (text?.textContent.startsWith("Connection to the server was lost")) text.textContent = LOST;
      item.hidden = told.has(item.textContent);
      told.add(item.textContent);
    }
  };

  // What a person has opened stays open when Python draws it again, which shuts it; forgotten once it is no longer on
  // the page.
  const opened = new Set();
  const keepOpen = () => {
    if (!opened.size) return;
    const drawn = new Map([...document.querySelectorAll("details[data-fold]")].map((fold) => [fold.dataset.fold, fold]));
    for (const name of opened) {
      const fold = drawn.get(name);
      if (!fold) opened.delete(name);
      // Only where it is shut: each setting is a change, which is looked at again.
      else if (!fold.open) fold.open = true;
    }
  };

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const fold = target?.closest("summary")?.parentElement;
    // The click comes before the fold moves.
    if (fold?.dataset.fold && fold.open) opened.delete(fold.dataset.fold);
    else if (fold?.dataset.fold) opened.add(fold.dataset.fold);
    const to = target?.closest("[data-tab]:not(body)");
    if (to) open(to.dataset.tab);
    else if (target?.closest("[data-theme-toggle]")) toggleTheme();
    else if (target?.closest(".td-copy")) copy(target.closest(".td-copy"));
  });
  window.addEventListener("popstate", () => open(stationInAddress(), { remember: false }));
  system.addEventListener("change", paintTheme);

  const selectedStation = () => document.querySelector(`${TAB}][aria-selected="true"]`)?.dataset.tabId;

  // After a reload: back to the screen named in the address. The tab's button appears a moment before it answers.
  let settled = false;
  const settle = () => {
    const wanted = stationInAddress();
    if (selectedStation() !== wanted) {
      document.querySelector(`${TAB}="${wanted}"]`)?.click();
      setTimeout(settle, 50);
      return;
    }
    settled = true;
    mark(wanted);
  };
  settle();

  // The rail is drawn again when a figure changes, and a tab may be opened by Python: follow both.
  new MutationObserver(() => {
    paintTheme();
    mergeNotices();
    keepOpen();
    if (!settled) return;
    const station = selectedStation();
    if (!station) return;
    if (document.body.dataset.tab !== station && stationInAddress() !== station) {
      history.pushState(null, "", `#${station}`);
    }
    mark(station);
  }).observe(document.documentElement, { subtree: true, childList: true, attributeFilter: ["aria-selected", "open"] });
})();
