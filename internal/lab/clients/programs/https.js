// Node's https module: https.js URL
require("https").get(process.argv[2], { timeout: 10000 }, (r) => r.on("data", (d) => console.log(String(d).slice(0, 100))))
  .on("timeout", function () { this.destroy(new Error("no answer in 10 s")); })
  .on("error", (e) => { console.error(String(e)); process.exit(1); });
