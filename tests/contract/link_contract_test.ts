/**
 * Every adapter of the link port runs the same suite.
 */
import net from "node:net";
import tls from "node:tls";
import { listenTcp } from "../../lib/adapters/socket/tcp.ts";
import { listenUnix } from "../../lib/adapters/socket/unix.ts";
import { listenTls } from "../../lib/adapters/tls/listener.ts";
import { testHandshakes } from "../support/tls.ts";
import { connectTls } from "../support/certificate.ts";
import type { Link, LinkListener } from "../../lib/ports/link.ts";
import { settles } from "../support/until.ts";
import { type LinkPair, testLinkContract } from "./link_contract.ts";

/** Takes the next link of a listener that `dial` connects to. */
async function pairOf(
  listener: LinkListener,
  dial: () => Promise<Deno.TcpConn | Deno.TlsConn | Deno.UnixConn>,
  clean: () => void = () => {},
): Promise<LinkPair> {
  const links = listener[Symbol.asyncIterator]();
  const taken = links.next();
  const peer = await settles(dial(), "connect");
  const link = (await settles(taken, "accept")).value as Link;
  listener.close();
  await links.return?.();
  let open = true;
  const close = () => {
    if (open) peer.close();
    open = false;
  };
  return {
    link,
    peer: {
      read: (into) => peer.read(into),
      write: (bytes) => peer.write(bytes),
      closeWrite: () => peer.closeWrite(),
      close,
    },
    dispose() {
      close();
      clean();
    },
  };
}

/** A tcp link whose peer can do what Deno's own connections cannot: reset the connection. */
async function resettingTcp(
  listener: LinkListener & { port: number },
  hostname: string,
): Promise<{ link: Link; reset(): void }> {
  const links = listener[Symbol.asyncIterator]();
  const taken = links.next();
  const socket = net.connect(listener.port, hostname);
  const connected = new Promise((resolve) => socket.once("connect", resolve));
  const link = (await settles(taken, "accept")).value as Link;
  await settles(connected, "connect");
  listener.close();
  await links.return?.();
  return { link, reset: () => void socket.resetAndDestroy() };
}

function tcpContract(kind: "tcp" | "raw", hostname: string): void {
  const listen = () => listenTcp(kind, hostname, 0)[0];
  testLinkContract({
    name: `${kind} ${hostname}`,
    kind,
    address: hostname,
    connect() {
      const listener = listen();
      return pairOf(listener, () => Deno.connect({ hostname, port: listener.port }));
    },
    connectToReset: () => resettingTcp(listen(), hostname),
  });
}

tcpContract("tcp", "127.0.0.1");
tcpContract("tcp", "::1");
tcpContract("raw", "127.0.0.1");

/** A tls link; its peer checks nothing when it is one that resets. */
async function tlsListener() {
  const { options, dispose } = await testHandshakes();
  const [listener] = listenTls("127.0.0.1", 0, options);
  return { listener, dispose };
}

testLinkContract({
  name: "tls",
  kind: "tls",
  address: "127.0.0.1",
  async connect() {
    const { listener, dispose } = await tlsListener();
    return pairOf(listener, () => connectTls(listener.port, "127.0.0.1"), dispose);
  },
  async connectToReset() {
    const { listener, dispose } = await tlsListener();
    const links = listener[Symbol.asyncIterator]();
    const taken = links.next();
    const raw = net.connect(listener.port, "127.0.0.1");
    const socket = tls.connect({ socket: raw, rejectUnauthorized: false });
    socket.on("error", () => {});
    raw.on("error", () => {});
    const link = (await settles(taken, "accept")).value as Link;
    listener.close();
    dispose();
    return { link, reset: () => void raw.resetAndDestroy() };
  },
});

async function unixPair(): Promise<LinkPair> {
  const folder = await Deno.makeTempDir({ prefix: "parley-link-" });
  const path = `${folder}/link.sock`;
  const listener = await listenUnix(path);
  return pairOf(
    listener,
    () => Deno.connect({ transport: "unix", path }),
    () => Deno.removeSync(folder, { recursive: true }),
  );
}

testLinkContract({
  name: "unix",
  kind: "unix",
  address: "",
  connect: unixPair,
  async connectToReset() {
    const { link, peer, dispose } = await unixPair();
    // A unix socket that is closed with bytes unread resets its peer.
    await link.write(new Uint8Array(1000));
    await peer.read(new Uint8Array(1));
    return { link, reset: dispose };
  },
});
