/**
 * An app in React: a chat room, and a topic as it happens. README.md beside it says how to start it.
 */
import { type FormEvent, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useClient, useRoom, useTopic } from "./parley.ts";

function App({ url, nick }: { url: string; nick: string }) {
  const { client, status } = useClient(url);
  const events = useTopic(client, "orders.>");
  const { lines, say } = useRoom(client, "tea", nick);
  const [draft, setDraft] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (draft.trim() !== "") say(draft).then(() => setDraft(""), (error) => alert(error.message));
  };
  return (
    <main>
      <p id="status">{status}</p>
      <ol id="orders">
        {events.map((event, at) => <li key={at}>{event.topic} {event.text()}</li>)}
      </ol>
      <ol id="tea">
        {lines.map(({ key, name, text }) => <li key={key}><b>{name}</b> {text}</li>)}
      </ol>
      <form onSubmit={send}>
        <input value={draft} onChange={(event) => setDraft(event.target.value)} aria-label="Say something" />
      </form>
    </main>
  );
}

const asked = new URLSearchParams(location.search);
const url = asked.get("server") ?? "ws://localhost:7380";
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App url={url} nick={asked.get("nick") ?? "guest"} />
  </StrictMode>,
);
