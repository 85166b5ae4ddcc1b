/**
 * The engine of nodes that live in one process: for tests, and as the shortest text of what an engine is.
 *
 * A hub stands for the network. Nothing is lost in it but what `cut` loses.
 */
import type {
  Channel,
  Engine,
  EngineCounts,
  EngineListener,
  NodeInfo,
} from "../../ports/engine.ts";

/** The network that engines of one process share. */
export class EngineHub {
  readonly #engines = new Map<string, MemoryEngine>();

  /** An engine for one more node. */
  engine(self: NodeInfo): MemoryEngine {
    return new MemoryEngine(this, self);
  }

  /** Links a node with all that are there. */
  enter(engine: MemoryEngine): void {
    for (const other of this.#engines.values()) {
      engine.meet(other);
      other.meet(engine);
    }
    this.#engines.set(engine.self.id, engine);
  }

  /** Ends the links of a node. */
  leave(engine: MemoryEngine, why: string): void {
    this.#engines.delete(engine.self.id);
    for (const other of this.#engines.values()) other.part(engine.self.id, why);
  }

  /** Ends the link between two nodes, with what is under way on it, and begins a new one. */
  cut(one: MemoryEngine, other: MemoryEngine): void {
    one.part(other.self.id, "it was cut");
    other.part(one.self.id, "it was cut");
    one.meet(other);
    other.meet(one);
  }

  /** Tells a node's details to the others. */
  tell({ self }: MemoryEngine): void {
    for (const other of this.#engines.values()) other.hear(self);
  }
}

/** One direction of a link. */
class MemoryLink {
  ended = false;
  last: Promise<void> = Promise.resolve();
  constructor(readonly to: MemoryEngine) {}
}

/** The engine of one node. */
export class MemoryEngine implements Engine {
  readonly counts: EngineCounts = {
    messagesOut: 0,
    bytesOut: 0,
    messagesIn: 0,
    bytesIn: 0,
    linksBroken: 0,
  };
  readonly servers: readonly string[] = [];
  self: NodeInfo;
  isUp = false;
  readonly #hub: EngineHub;
  readonly #links = new Map<string, MemoryLink>();
  readonly #infos = new Map<string, NodeInfo>();
  #listener: EngineListener | null = null;

  constructor(hub: EngineHub, self: NodeInfo) {
    this.#hub = hub;
    this.self = self;
  }

  open(listener: EngineListener): void {
    this.#listener = listener;
    this.isUp = true;
    queueMicrotask(() => {
      if (!this.isUp) return;
      listener.reachable(true, "");
      this.#hub.enter(this);
    });
  }

  nodes(): readonly NodeInfo[] {
    return [...this.#infos.values()];
  }

  send(to: string, channel: Channel, bytes: Uint8Array): Promise<void> {
    const link = this.#links.get(to);
    if (link === undefined) return Promise.reject(new Error("the link to the node has ended"));
    const copy = bytes.slice();
    return link.last = link.last.then(() => this.#deliver(link, channel, copy));
  }

  unlink(to: string, _why: string): void {
    const link = this.#links.get(to);
    if (link === undefined) return;
    this.counts.linksBroken++;
    this.#hub.cut(this, link.to);
  }

  describe(details: Readonly<Record<string, string>>): void {
    this.self = { ...this.self, details };
    this.#hub.tell(this);
  }

  // deno-lint-ignore require-await
  async close(): Promise<void> {
    if (!this.isUp) return;
    this.isUp = false;
    for (const link of this.#links.values()) link.ended = true;
    this.#links.clear();
    this.#infos.clear();
    this.#hub.leave(this, "it was stopped");
  }

  /** A link to another engine begins. */
  meet(other: MemoryEngine): void {
    this.#links.set(other.self.id, new MemoryLink(other));
    this.#infos.set(other.self.id, other.self);
    this.#listener?.joined(other.self);
  }

  /** The link to another engine has ended. */
  part(id: string, why: string): void {
    const link = this.#links.get(id);
    const info = this.#infos.get(id);
    if (link === undefined || info === undefined) return;
    link.ended = true;
    this.#links.delete(id);
    this.#infos.delete(id);
    this.#listener?.left(info, why);
  }

  /** Another engine tells something else of itself. */
  hear(info: NodeInfo): void {
    if (!this.#infos.has(info.id)) return;
    this.#infos.set(info.id, info);
    this.#listener?.changed(info);
  }

  async #deliver(link: MemoryLink, channel: Channel, bytes: Uint8Array): Promise<void> {
    if (link.ended) throw new Error("the link to the node has ended");
    this.counts.messagesOut++;
    this.counts.bytesOut += bytes.length;
    const { to } = link;
    to.counts.messagesIn++;
    to.counts.bytesIn += bytes.length;
    try {
      await to.#listener?.received(this.self, channel, bytes);
    } catch {
      to.unlink(this.self.id, "it cannot be read");
    }
  }
}
