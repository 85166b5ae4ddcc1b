/**
 * Machines with cables between them, made of network namespaces: what is sent when a cable is out is lost
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

function arePossible(): boolean {
  const name = `parley${Deno.pid}t`;
  return ip("netns", "add", name) && ip("netns", "del", name);
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
    return arePossible();
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

/** Machines that each have a cable to one in the middle, and none to each other; they go with the object. */
export class MachinesAroundOne implements Disposable {
  /** The name of the namespace in the middle, and those of the others. */
  readonly middle: string;
  readonly others: readonly string[];

  constructor(count: number) {
    const name = `parley${Deno.pid}`;
    this.middle = `${name}m`;
    this.others = Array.from({ length: count }, (_none, index) => `${name}o${index}`);
    for (const machine of [this.middle, ...this.others]) {
      must("netns", "add", machine);
      must("-n", machine, "link", "set", "lo", "up");
    }
    for (const [index, machine] of this.others.entries()) {
      const ends = ["type", "veth", "peer", "name", "cable", "netns", machine];
      must("link", "add", `cable${index}`, "netns", this.middle, ...ends);
      const address = this.middleFrom(index);
      must("-n", this.middle, "addr", "add", `${address}/30`, "dev", `cable${index}`);
      must("-n", machine, "addr", "add", `10.207.${index}.2/30`, "dev", "cable");
      must("-n", machine, "link", "set", "cable", "up");
      this.plug(index);
      must("-n", machine, "route", "add", "default", "via", address);
    }
  }

  /** Whether there can be such machines here. */
  static get possible(): boolean {
    return arePossible();
  }

  /** The address under which a machine reaches the one in the middle. */
  middleFrom(index: number): string {
    return `10.207.${index}.1`;
  }

  /** Takes the cable of a machine out, and puts it in again. */
  unplug(index: number): void {
    must("-n", this.middle, "link", "set", `cable${index}`, "down");
  }

  plug(index: number): void {
    must("-n", this.middle, "link", "set", `cable${index}`, "up");
  }

  [Symbol.dispose](): void {
    for (const machine of [this.middle, ...this.others]) ip("netns", "del", machine);
  }
}
