// Functions about the page that is open, in whose page they run.
const words = (e) => {
  const text = (e.getAttribute('aria-label') || e.innerText || e.value || '').trim().replace(/\s+/g, ' ');
  return `<${e.localName}${e.id ? '#' + e.id : ''}${e.className && e.className.baseVal === undefined ? '.' + String(e.className).trim().replace(/\s+/g, '.') : ''}> ${text.slice(0, 60)}`;
};
const shown = (e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true});

// What sticks out of the page, or text out of its box.
const overflow = (width) => {
  const found = [], root = document.documentElement;
  // What scrolls or cuts off what is too wide for it.
  const held = (e) => {
    for (let p = e.parentElement; p && p !== document.body && p !== root; p = p.parentElement) {
      if (getComputedStyle(p).overflowX !== 'visible') return true;
    }
    return false;
  };
  if (root.scrollWidth > width) found.push(`the page is ${root.scrollWidth} px wide`);
  for (const e of document.body.querySelectorAll('*')) {
    if (!shown(e) || held(e)) continue;
    const r = e.getBoundingClientRect();
    if (r.width === 0 || r.height === 0) continue;
    if (r.right + scrollX > width + 1 || r.left + scrollX < -1 && r.right > 0) found.push(`${words(e)} lies from ${Math.round(r.left)} to ${Math.round(r.right)}`);
    const s = getComputedStyle(e);
    if (s.overflowX === 'visible' && s.display !== 'inline' && !(e instanceof SVGElement) && e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 0) {
      found.push(`${words(e)} has ${e.scrollWidth} px in a box of ${e.clientWidth}`);
    }
  }
  return found.slice(0, 12);
};

// The controls that the Tab key must reach, in their order.
const controls = () => [...document.querySelectorAll('a[href],button,input,select,textarea,summary,[tabindex]')]
  .filter((e) => !e.disabled && e.type !== 'hidden' && e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}));

// How an element looks, in all that a focus may change.
const style = (e) => {
  const s = getComputedStyle(e);
  return [s.outlineStyle === 'none' ? '' : s.outlineStyle + s.outlineWidth + s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor, s.textDecorationLine + s.textDecorationThickness].join('|');
};

// Characters that turn, hide or break text.
const controlCharacters = () => {
  const bad = document.documentElement.textContent.match(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g) || [];
  return [...new Set(bad)].map((c) => 'U+' + c.codePointAt(0).toString(16).padStart(4, '0'));
};

const size = () => ({width: document.documentElement.scrollWidth, height: Math.max(document.documentElement.scrollHeight, innerHeight)});

// Links that lead elsewhere than to pages of the same origin.
const foreignLinks = () => [...document.querySelectorAll('a[href],area[href],form[action]')]
  .map((e) => new URL(e.href || e.action, location.href)).filter((u) => u.origin !== location.origin || !/^(https?|file):$/.test(u.protocol)).map(String);

// What a page says and what can be done on it, without what changes by the second: times,
// and pictures whose width is time.
const content = () => {
  const main = document.querySelector('main').cloneNode(true);
  main.querySelectorAll('svg').forEach((e) => e.remove());
  const text = main.textContent.replace(/\b\d+ (seconds?|minutes?|hours?) ago/g, 'ago')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)/g, 'then').replace(/\s+/g, ' ');
  return text + ' | ' + [...main.querySelectorAll('a,button,input,select,textarea,summary')].map((e) => e.localName + (e.name || '')).join(' ');
};
