/**
 * Chooses light or dark before the first paint, so that no page flashes in the wrong scheme.
 * A file of its own because the content security policy forbids inline scripts.
 * The key is the one Mantine writes when the visitor picks a scheme.
 */
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("mantine-color-scheme-value");
  } catch {
    // Storage may be blocked; the system's choice is then used.
  }
  const isExplicit = chosen === "light" || chosen === "dark";
  const systemIsDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const scheme = isExplicit ? chosen : systemIsDark ? "dark" : "light";
  document.documentElement.setAttribute("data-mantine-color-scheme", scheme);
})();
