// Runs the queries of standard input (a JSON list) one after the other and prints the rows of each.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
const { DuckDBInstance } = createRequire(process.env.ASSAY_DUCKDB + '/x.js')('@duckdb/node-api');
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
const answers = [];
for (const query of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    const reader = await connection.runAndReadAll(query);
    answers.push({ rows: reader.getRowObjectsJson() });
  } catch (e) {
    answers.push({ error: String(e) });
  }
}
console.log(JSON.stringify(answers));
