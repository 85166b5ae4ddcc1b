/**
 * The methods `parley.v1.Admin/…`: what administrators have the server as a whole do.
 *
 * Where there are users, `own/rights` decides who may. Where there are none everybody may do everything else, but these
 * only from the machine itself: whoever is let in from elsewhere with --insecure is still no administrator.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { isLoopbackIp } from "../../../base/ip_address.ts";
import type { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import type { Methods } from "./method.ts";

/** The methods of the service Admin. */
export const ADMIN_METHODS: Methods<typeof Admin> = {
  reload: async (features, peer) => {
    const { applied, waiting } = await administrationFor(features, peer, "reload").reload();
    return { applied: [...applied], waiting: waiting.map((each) => ({ ...each })) };
  },
  drain: (features, peer, { goTo }) => ({
    connections: administrationFor(features, peer, "stop").drain(goTo),
  }),
};

/** What `peer` may have done. Raises PERMISSION_DENIED and UNAVAILABLE. */
function administrationFor(features: Features, peer: Peer, action: string) {
  const { identity, link: { address, isRelayed } } = peer;
  // A unix socket has no address.
  const isHere = isRelayed !== true && (address === "" || isLoopbackIp(address));
  if (identity === null && !isHere) {
    throw new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `cannot ${action} the server ${
        isRelayed ? "through a proxy" : `from ${address}`
      }: it has no users, ` +
        "so only its own machine may",
      {
        accepted: "a connection from loopback or a unix socket, or users with the right to manage",
      },
    );
  }
  return features.needAdministration(`${action} the server`);
}
