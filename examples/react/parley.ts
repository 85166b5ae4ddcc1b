/**
 * Hooks of React for Parley: a connection, a live topic and a chat room, each as long as its component is there.
 *
 * A connection that is lost comes back by itself, and what was subscribed to goes on. What is shown is bounded.
 */
import { type Client, connect, type ReceivedEvent, type Room } from "@parley/client";
import { useCallback, useEffect, useRef, useState } from "react";

/** The most events and lines that are shown. */
const MAX_SHOWN = 100;

function behind<T>(list: readonly T[], item: T): readonly T[] {
  return [...list, item].slice(-MAX_SHOWN);
}

/** A client of a server, and how its connection is; null until there is one. */
export function useClient(url: string): { client: Client | null; status: string } {
  const [client, setClient] = useState<Client | null>(null);
  const [status, setStatus] = useState("connecting");
  useEffect(() => {
    let isGone = false;
    const opening = connect(url, { wait: true, onStatus: (now) => !isGone && setStatus(now) });
    opening.then(
      (made) => !isGone && setClient(made),
      (error) => !isGone && setStatus(String(error)),
    );
    return () => {
      isGone = true;
      setClient(null);
      opening.then((made) => made.close(), () => {});
    };
  }, [url]);
  return { client, status };
}

/** The last events of topics that match `pattern`, the newest at the end. */
export function useTopic(client: Client | null, pattern: string): readonly ReceivedEvent[] {
  const [events, setEvents] = useState<readonly ReceivedEvent[]>([]);
  useEffect(() => {
    if (client === null) return;
    const gone = new AbortController();
    const read = async () => {
      const subscription = await client.subscribe(pattern, { echo: true });
      gone.signal.addEventListener("abort", () => void subscription.unsubscribe());
      if (gone.signal.aborted) return void subscription.unsubscribe();
      for await (const event of subscription) setEvents((before) => behind(before, event));
    };
    read().catch((error) => gone.signal.aborted || console.error(error));
    return () => gone.abort();
  }, [client, pattern]);
  return events;
}

/** A line of a room. */
export interface Line {
  readonly key: string;
  readonly name: string;
  readonly text: string;
}

/** What is said in a room, and `say` to say something there as `nick`. */
export function useRoom(client: Client | null, name: string, nick: string): {
  readonly lines: readonly Line[];
  readonly say: (text: string) => Promise<unknown>;
} {
  const [lines, setLines] = useState<readonly Line[]>([]);
  const room = useRef<Promise<Room> | null>(null);
  useEffect(() => {
    if (client === null) return;
    let isGone = false;
    const entering = client.room(name, { nick, history: MAX_SHOWN });
    room.current = entering;
    const read = async () => {
      for await (const { kind, seq, name, text } of await entering) {
        if (isGone) return;
        const line = { key: `${seq} ${kind}`, name, text: kind === "said" ? text : `has ${kind}` };
        setLines((before) => behind(before, line));
      }
    };
    read().catch((error) => isGone || console.error(error));
    return () => {
      isGone = true;
      setLines([]);
      entering.then((entered) => entered.leave()).catch(() => {});
    };
  }, [client, name, nick]);
  const say = useCallback(async (text: string) => await (await room.current)?.say(text), []);
  return { lines, say };
}
