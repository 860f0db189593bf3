"use strict";
// Brings a page up to date when something changes. Without it everything works, and the
// page has a link that loads it again.
(() => {
  const said = document.getElementById("said");
  if (!said || !window.EventSource) return;
  const pause = 5000; // between two looks, however much changes
  let texts = [], timer = 0, last = 0;
  const soon = () => {
    timer ||= setTimeout(renew, Math.max(500, last + pause - Date.now()));
  };
  const find = (root, focused) => {
    if (focused.id) return root.getElementById(focused.id);
    const to = focused.getAttribute("href");
    return to && [...root.querySelectorAll("[data-live] a")].find((a) => a.getAttribute("href") === to);
  };
  const renew = async () => {
    timer = 0;
    last = Date.now();
    let next;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      next = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch {
      return; // the service is away; the stream connects again by itself
    }
    for (const old of document.querySelectorAll("[data-live]")) {
      const now = next.getElementById(old.id);
      if (!now || now.innerHTML === old.innerHTML) continue;
      const focused = old.contains(document.activeElement) ? document.activeElement : null;
      for (const part of now.children) {
        const was = part.id && document.getElementById(part.id);
        if (part.id && (!was || was.innerHTML !== part.innerHTML)) part.classList.add("fresh");
      }
      old.replaceWith(document.adoptNode(now));
      if (focused) find(document, focused)?.focus({ preventScroll: true });
    }
    const more = texts.length - 3;
    said.textContent = texts.slice(-3).join(" ") + (more > 0 ? " And " + more + " more changes." : "");
    texts = [];
  };
  const stream = new EventSource("/events?after=" + encodeURIComponent(said.dataset.after || "0"));
  stream.addEventListener("change", (e) => {
    texts.push(JSON.parse(e.data).text);
    soon();
  });
  stream.addEventListener("reload", soon);
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (e) => e.persisted && location.reload());
})();
