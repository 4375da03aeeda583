/** Puts beside each built file that shrinks the same in a compressed form: the web process sends the smallest that a browser
 * takes. Source maps are left as they are, which only developers read. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const SHRINKS = /\.(css|js|svg)$/;
const FORMS = { ".br": brotliCompressSync, ".gz": (body) => gzipSync(body, { level: 9 }) };

for (const name of readdirSync("dist", { recursive: true })) {
  if (!SHRINKS.test(name)) continue;
  const file = join("dist", name);
  const body = readFileSync(file);
  for (const [ending, compress] of Object.entries(FORMS)) {
    const compressed = compress(body);
    if (compressed.length < body.length * 0.95) writeFileSync(file + ending, compressed);
  }
}
