// Not a module: runs before the first paint, so that a page that is dark never flashes light.
try {
  const kept = localStorage.getItem("slipstream.theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
} catch {
  // Storage is switched off: the system's theme does.
}
