/**
 * What must be known of a machine to read its figures: nothing that names it, and no path of it.
 */
import { VERSION } from "../../lib/base/version.ts";
import { rabbitVersion } from "./rabbitmq.ts";
import { peerVersion } from "./subjects.ts";

/** The peers that other servers are measured as. */
export const PEERS = ["nats-server", "redis-server", "rabbitmq-server"] as const;

/** The machine and the versions of everything. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly kernel: string;
  readonly deno: string;
  readonly parley: string;
  /** Undefined for a peer that is not installed. */
  readonly peers: Readonly<Record<string, string | undefined>>;
}

/** Looks at this machine. */
export async function lookAtMachine(): Promise<Machine> {
  const versions = await Promise.all(
    PEERS.map((name) => name === "rabbitmq-server" ? rabbitVersion() : peerVersion(name)),
  );
  return {
    cores: navigator.hardwareConcurrency,
    cpu: await cpuModel(),
    // Two numbers tell what matters; the rest names somebody's build.
    kernel: `${Deno.build.os} ${Deno.osRelease().split(".").slice(0, 2).join(".")}`,
    deno: Deno.version.deno,
    parley: VERSION,
    peers: Object.fromEntries(PEERS.map((name, index) => [name, versions[index]])),
  };
}

/** The machine in one line. */
export function describeMachine(machine: Machine): string {
  const peers = Object.entries(machine.peers).filter(([, version]) => version !== undefined)
    .map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cores} cores of ${machine.cpu}`,
    machine.kernel,
    `Deno ${machine.deno}`,
    `Parley ${machine.parley}`,
    ...peers,
  ].join(", ");
}

async function cpuModel(): Promise<string> {
  try {
    const text = await Deno.readTextFile("/proc/cpuinfo");
    return /^model name\s*: (.*)$/m.exec(text)?.[1]?.trim() ?? Deno.build.arch;
  } catch {
    return Deno.build.arch;
  }
}
