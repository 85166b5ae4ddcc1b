/**
 * The methods `parley.v1.Admin/…`: what administrators have the server as a whole do.
 *
 * Where there are users, `own/rights` decides who may. Where there are none everybody may do everything else, but these
 * only from the machine itself: whoever is let in from elsewhere with --insecure is still no administrator.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import type { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import type { Peer } from "../../connection/peer.ts";
import type { LogAdministration } from "../../administration.ts";
import type { Features } from "../../features.ts";
import { connectionRights, kick, listConnections } from "./connections.ts";
import type { Methods } from "./method.ts";
import { isNear } from "./rights.ts";

/** The most bytes of a backup in one answer. */
const MAX_PIECE_BYTES = 256 * 1024;

/** The methods of the service Admin. */
export const ADMIN_METHODS: Methods<typeof Admin> = {
  reload: async (features, peer) => {
    const { applied, waiting } = await administrationFor(features, peer, "reload the server")
      .reload();
    return { applied: [...applied], waiting: waiting.map((each) => ({ ...each })) };
  },
  drain: (features, peer, { goTo }) => ({
    connections: administrationFor(features, peer, "stop the server").drain(goTo),
  }),
  connections: {
    list: "connections",
    run: (features, peer, request) =>
      listConnections(administrationFor(features, peer, "list the connections"), peer, request),
  },
  rights: (features, peer, request) =>
    connectionRights(features, administrationFor(features, peer, "tell rights"), peer, request),
  kick: (features, peer, request) =>
    kick(administrationFor(features, peer, "end connections"), peer, request),
  stats: (features, peer) => {
    const stats = administrationFor(features, peer, "tell what is counted").stats();
    return { values: Object.fromEntries(figuresOf(stats)) };
  },
  logLevels: (features, peer) =>
    levelsOf(administrationFor(features, peer, "tell the levels of the log").log),
  setLogLevel: (features, peer, { category, level }) => {
    const { log } = administrationFor(features, peer, "set the level of the log");
    log.set(category, level, peer.identity?.user ?? "");
    return levelsOf(log);
  },
  startBackup: async (features, peer) => {
    const { id, bytes } = await administrationFor(features, peer, "back up").backups.start(peer);
    return { backupId: id, bytes: BigInt(bytes) };
  },
  readBackup: async (features, peer, { backupId, offset }) => {
    const most = Math.min(MAX_PIECE_BYTES, peer.context.limits.maxFrameBytes >>> 1);
    return await administrationFor(features, peer, "back up").backups.read(backupId, offset, most);
  },
  endBackup: async (features, peer, { backupId }) => {
    await administrationFor(features, peer, "back up").backups.end(backupId);
    return {};
  },
};

function levelsOf(log: LogAdministration) {
  return {
    levels: log.all().map(({ setMs, ...info }) => ({
      ...info,
      setTimeUnixMicros: BigInt(Math.floor(setMs)) * 1000n,
    })),
  };
}

/** The figures that are whole numbers, by names as they are in configurations. */
function* figuresOf(stats: Readonly<Record<string, unknown>>): Generator<[string, bigint]> {
  for (const [name, value] of Object.entries(stats)) {
    if (typeof value !== "number" || !(value >= 0) || value > Number.MAX_SAFE_INTEGER) continue;
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    yield [snake, BigInt(Math.round(value))];
  }
}

/** What `peer` may have done; `action` is what that is. Raises PERMISSION_DENIED and UNAVAILABLE. */
export function administrationFor(features: Features, peer: Peer, action: string) {
  const { link: { address, isRelayed } } = peer;
  if (!isNear(peer)) {
    const from = isRelayed ? "through a proxy" : `from ${address}`;
    throw new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `cannot ${action} ${from}: the server has no users, so only its own machine may`,
      {
        accepted: "a connection from loopback or a unix socket, or users with the right to manage",
      },
    );
  }
  return features.needAdministration(action);
}
