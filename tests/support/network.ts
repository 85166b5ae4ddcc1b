/**
 * Two machines with a cable between them, made of network namespaces: what is sent when the cable is out is lost
 * without a word, as when a machine loses its power. Needs root and `ip`.
 */

/** The address of the first machine. */
export const NEAR = "10.207.0.1";
const FAR = "10.207.0.2";

function ip(...args: string[]): boolean {
  try {
    return new Deno.Command("ip", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

function must(...args: string[]): void {
  if (!ip(...args)) throw new Error(`ip ${args.join(" ")} failed`);
}

/** Both machines; they go with the object. */
export class TwoMachines implements Disposable {
  /** The names of their namespaces. */
  readonly near: string;
  readonly far: string;

  constructor() {
    const name = `parley${Deno.pid}`;
    [this.near, this.far] = [`${name}n`, `${name}f`];
    for (const machine of [this.near, this.far]) must("netns", "add", machine);
    const ends = ["type", "veth", "peer", "name", "cable", "netns", this.far];
    must("link", "add", "cable", "netns", this.near, ...ends);
    for (const [machine, address] of [[this.near, NEAR], [this.far, FAR]]) {
      must("-n", machine, "addr", "add", `${address}/24`, "dev", "cable");
      must("-n", machine, "link", "set", "lo", "up");
      must("-n", machine, "link", "set", "cable", "up");
    }
  }

  /** Whether there can be such machines here. */
  static get possible(): boolean {
    const name = `parley${Deno.pid}t`;
    return ip("netns", "add", name) && ip("netns", "del", name);
  }

  /** Whether the first machine has sent something that the other one has not acknowledged yet. */
  get isSending(): boolean {
    const args = ["netns", "exec", this.near, "cat", "/proc/net/tcp"];
    const { stdout } = new Deno.Command("ip", { args }).outputSync();
    // Local and remote address, state 01 (established), and what waits to be acknowledged.
    return /^ *\d+: \S+ \S+ 01 (?!0{8}:)/m.test(new TextDecoder().decode(stdout));
  }

  /** Takes the cable out. */
  unplug(): void {
    must("-n", this.far, "link", "set", "cable", "down");
  }

  [Symbol.dispose](): void {
    for (const machine of [this.near, this.far]) ip("netns", "del", machine);
  }
}
