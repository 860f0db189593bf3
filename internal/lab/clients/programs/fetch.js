// fetch, as Node, Deno and Bun have it: fetch.js URL
const url = (globalThis.Deno ? Deno.args : process.argv.slice(2))[0];
fetch(url, { signal: AbortSignal.timeout(10000) }).then((r) => r.text()).then((t) => console.log(t.slice(0, 100)), (e) => {
  console.error(String(e), String((e && e.cause) || ""));
  globalThis.Deno ? Deno.exit(1) : process.exit(1);
});
