// A job as a command that sends the like of it. Holds no secret: those are left to the shell's environment.

/** `known`: what attempts and lists say of a job; `hook`: its record without secrets, where there is one. */
export function curlOf(known, hook) {
  const to = hook?.url ?? `${known.destination ?? "https://hooks.example"}/`;
  const headers = [
    ["Content-Type", "application/json"],
    ["Postrider-Attempt", String((known.attempts ?? known.attempt ?? 0) + 1)],
    ...ofProfile(hook?.profile ?? "misskey", known),
    ...Object.keys(hook?.headers ?? {}).map((name) => [name, "…"]),
  ];
  const lines = headers.map(([name, value]) => `  --header ${quoted(`${name}: ${value}`)}`);
  return [`curl --request POST ${quoted(to)}`, ...lines, "  --data-binary @body.json"].join(" \\\n");
}

function ofProfile(profile, known) {
  if (profile === "misskey") {
    const hookId = known.hookId ? [["X-Misskey-Hook-Id", known.hookId]] : [];
    return [["User-Agent", "Misskey-Hooks"], ...hookId, ["X-Misskey-Hook-Secret", "…"]];
  }
  const signed = [["webhook-id", known.eventId ?? "…"], ["webhook-timestamp", "…"], ["webhook-signature", "…"]];
  const event = [["ce-specversion", "1.0"], ["ce-id", known.eventId ?? "…"], ["ce-type", known.type ?? "…"]];
  return profile === "cloudevents" ? [...event, ...signed] : signed;
}

/** One word for a shell, whatever is in it. */
function quoted(text) {
  const plain = text.replace(/[\u0000-\u001f\u007f]/g, " ");
  return `'${plain.replaceAll("'", "'\\''")}'`;
}
