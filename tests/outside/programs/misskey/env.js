// What the test sets. Node's own types aren't needed for more.

/** @type {(name: string) => string} */
export function env(name) {
  const { process } = /** @type {{ process: { env: Record<string, string | undefined> } }} */ (/** @type {unknown} */ (globalThis));
  return process.env[name] ?? "";
}
