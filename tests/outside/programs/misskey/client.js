// What a client that was written for Misskey does with a user's webhooks, by npm `misskey-js`. Prints what it is answered,
// a line of JSON for each step.

import { api } from "misskey-js";
import { env } from "./env.js";

const client = new api.APIClient({ origin: env("ORIGIN"), credential: env("TOKEN") });
const other = new api.APIClient({ origin: env("ORIGIN"), credential: env("OTHER_TOKEN") });

/** @type {(step: string, answer: unknown) => void} */
const tell = (step, answer) => console.log(JSON.stringify([step, answer]));

/** @type {(request: Promise<unknown>) => Promise<string>} */
async function refusal(request) {
  try {
    await request;
    return "none";
  } catch (error) {
    if (!api.isAPIError(/** @type {Record<PropertyKey, unknown>} */ (error))) throw error;
    const { code, id, kind } = /** @type {api.APIError} */ (error);
    return `${code} ${id} ${kind}`;
  }
}

const url = env("HOOK_URL");
const created = await client.request("i/webhooks/create", { name: "to my bot", url, secret: "s3cret", on: ["note", "mention"] });
tell("create", created);
tell("list", await client.request("i/webhooks/list", {}));
tell("update", await client.request("i/webhooks/update", { webhookId: created.id, name: "mine", on: ["follow"], active: false }));
tell("show", await client.request("i/webhooks/show", { webhookId: created.id }));

for (const type of /** @type {const} */ (["note", "reply", "renote", "mention", "follow", "followed", "unfollow"])) {
  tell("test", await client.request("i/webhooks/test", { webhookId: created.id, type, override: { secret: "other" } }));
}

tell("of another", await refusal(other.request("i/webhooks/show", { webhookId: created.id })));
tell("bad name", await refusal(client.request("i/webhooks/update", { webhookId: created.id, name: "" })));
tell("no token", await refusal(client.request("i/webhooks/list", {}, null)));
tell("wrong token", await refusal(client.request("i/webhooks/list", {}, "wrong-token-of-nobody")));

tell("delete", await client.request("i/webhooks/delete", { webhookId: created.id }));
tell("list of none", await client.request("i/webhooks/list", {}));
