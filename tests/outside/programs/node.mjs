// Reads requests from the file that is named first, and prints for each whether the guide's code accepts it.
import { readFileSync } from "node:fs";
import * as guide from "./guide.mjs";

const accepts = ({ headers, body, secrets }) =>
  guide.isGenuine
    ? guide.isGenuine(headers, Buffer.from(body, "base64"), secrets)
    : guide.hasSecret(headers, secrets[0]);

console.log(JSON.stringify(JSON.parse(readFileSync(process.argv[2])).map(accepts)));
