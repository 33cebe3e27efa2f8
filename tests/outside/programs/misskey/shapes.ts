// What a receiver of Misskey's webhooks gets, in the types of `misskey-js`; the envelope is Misskey's, which exports no type for it.

import type { Endpoints, entities } from "misskey-js";

type Bodies = {
  note: { note: entities.Note };
  reply: { note: entities.Note };
  renote: { note: entities.Note };
  mention: { note: entities.Note };
  follow: { user: entities.UserDetailedNotMe };
  followed: { user: entities.UserLite };
  unfollow: { user: entities.UserDetailedNotMe };
};

export type Webhook<Type extends keyof Bodies> = {
  server: string;
  hookId: string;
  userId: string;
  eventId: string;
  createdAt: number;
  type: Type;
  body: Bodies[Type];
};

export type Answer<Route extends "create" | "list" | "show"> = Endpoints[`i/webhooks/${Route}`]["res"];
