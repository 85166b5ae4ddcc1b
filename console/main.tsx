/**
 * The console: joins its pages and its frame, and connects.
 */
/// <reference lib="dom" />
import { render } from "preact";
import { start } from "./data/connection.ts";
import { learnOfServer } from "./data/server.ts";
import { places } from "./shell/places.ts";
import { Shell } from "./shell/shell.tsx";
import { listenForKeys } from "./shell/shortcuts.tsx";
import { connections } from "./pages/connections/connections.tsx";
import { nodes } from "./pages/nodes/nodes.tsx";
import { overview } from "./pages/overview/overview.tsx";
import { queues } from "./pages/queues/queues.tsx";
import { rooms } from "./pages/rooms/rooms.tsx";
import { services } from "./pages/services/services.tsx";
import { topics } from "./pages/topics/topics.tsx";
import { types } from "./pages/types/types.tsx";
import { users } from "./pages/users/users.tsx";

places.value = [overview, connections, topics, queues, rooms, services, types, users, nodes];
listenForKeys();
learnOfServer();
start();
const root = document.getElementById("console")!;
// What the document shows until now makes room.
root.replaceChildren();
render(<Shell />, root);
