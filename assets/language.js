// Before anything is drawn: a visitor who comes without having chosen a language gets the browser's, where the page speaks it.
// A language is chosen by a link with ?language=CODE, and remembered by the browser. LANGUAGES is filled in by the page.
(() => {
  const languages = LANGUAGES;
  const home = languages[0];
  const last = location.pathname.split("/").filter(Boolean).pop();
  const here = languages.includes(last) ? last : home;
  const query = new URLSearchParams(location.search);
  let chosen = query.get("language");
  query.delete("language");
  try {
    if (languages.includes(chosen)) localStorage.setItem("pet-lens-language", chosen);
    else chosen = localStorage.getItem("pet-lens-language");
  } catch {
    // a browser that keeps nothing: the address alone tells
  }
  const preferred = () => navigator.languages.map((name) => name.split("-")[0]).find((code) => languages.includes(code));
  // an address that names a language is meant so
  const wanted = here !== home ? here : languages.includes(chosen) ? chosen : (preferred() ?? home);
  if (wanted !== here) {
    const search = query.size ? `?${query}` : "";
    location.replace(`${location.pathname.replace(/\/?$/, "/")}${wanted}${search}${location.hash}`);
  }
})();
